// progress: what reaches standard error in each kind, captured through a temporary file.
#include <unistd.h>

#include "check.h"
#include "src/run/progress.h"

static FILE *capture;
static int terminal;

static int start_capture(void **state) {
  (void)state;
  capture = tmpfile();
  if (!capture) return -1;
  fflush(stderr);
  terminal = dup(STDERR_FILENO);
  return dup2(fileno(capture), STDERR_FILENO) < 0;
}

// Gives standard error back; what was written to it meanwhile.
static const char *captured(void) {
  static char text[4096];
  fflush(stderr);
  dup2(terminal, STDERR_FILENO);
  rewind(capture);
  const size_t n = fread(text, 1, sizeof text - 1, capture);
  text[n] = '\0';
  return text;
}

static int end_capture(void **state) {
  (void)state;
  dup2(terminal, STDERR_FILENO);
  close(terminal);
  return fclose(capture);
}

static void use(psac_progress_kind kind) {
  psac_progress progress;
  psac_progress_start(&progress, kind, 200);
  psac_progress_line(&progress, "Sample %d", 100);
  psac_progress_update(&progress, "epoch 1/2", 50, "interval", 0.875);
  psac_progress_update(&progress, "epoch 1/2", 51, "interval", 0.875);  // too soon to be shown
  psac_progress_end(&progress);
}

static void test_none_is_silent(void **state) {
  (void)state;
  use(PSAC_PROGRESS_NONE);
  assert_string_equal(captured(), "");
}

static void test_lines_are_plain_and_without_a_bar(void **state) {
  (void)state;
  use(PSAC_PROGRESS_LINES);
  assert_string_equal(captured(), "Sample 100\n");
}

static void test_bar_shows_where_it_is_and_goes_away(void **state) {
  (void)state;
  setenv("COLUMNS", "132", 1);
  use(PSAC_PROGRESS_BAR);
  const char *text = captured(), *first = "\r\033[Kepoch 1/2 [######..................]  25 %  50/200 ";
  assert_memory_equal(text, first, strlen(first));
  assert_non_null(strstr(text, " trials/s  interval accuracy 87.5 %  "));
  assert_null(strstr(text, "51/200"));
  assert_null(strchr(text, '\n'));
  const char *end = "left\r\033[K";
  assert_string_equal(text + strlen(text) - strlen(end), end);
}

// From what is left out first, the count, to a bar that is not even its own name.
static void test_bar_is_narrower_than_the_terminal(void **state) {
  (void)state;
  for (int columns = 1; columns <= 300; columns++) {
    char text[16];
    snprintf(text, sizeof text, "%d", columns);
    setenv("COLUMNS", text, 1);
    rewind(capture);
    assert_int_equal(ftruncate(fileno(capture), 0), 0);
    psac_progress progress;
    psac_progress_start(&progress, PSAC_PROGRESS_BAR, 180000);
    progress.done_before = 90000;  // a rate of 0
    psac_progress_update(&progress, "epoch 2/3", 90000, "interval", 1.0);
    fflush(stderr);
    char line[512] = "";
    const ssize_t n = pread(fileno(capture), line, sizeof line - 1, 0);
    assert_in_range(n, 4, 3 + columns);
    line[n] = '\0';
    const char *from = line + 4;
    assert_int_equal(strstr(from, " 50 %") != NULL, columns > 15);
    assert_int_equal(strstr(from, "interval accuracy 100.0 %") != NULL, columns > 62);
    assert_true(columns <= 88 || strstr(from, "  90000/180000  0 trials/s  interval accuracy") != NULL);
  }
}

static void test_bar_of_nothing_to_do_divides_nothing_by_zero(void **state) {
  (void)state;
  psac_progress progress;
  setenv("COLUMNS", "132", 1);
  psac_progress_start(&progress, PSAC_PROGRESS_BAR, 0);
  psac_progress_update(&progress, "evaluation", 0, "test", 0.0);
  psac_progress_end(&progress);
  assert_non_null(strstr(captured(), "0/0"));
}

static void test_kinds_are_chosen_by_name_on_rank_zero_only(void **state) {
  (void)state;
  static const struct {
    const char *name;
    psac_progress_kind kind;
  } cases[] = {{"none", PSAC_PROGRESS_NONE}, {"lines", PSAC_PROGRESS_LINES}, {"bar", PSAC_PROGRESS_BAR}};
  for (size_t k = 0; k < COUNT(cases); k++) {
    psac_progress_kind kind;
    assert_ok(psac_progress_choose(cases[k].name, 0, &kind));
    assert_int_equal(kind, cases[k].kind);
    assert_ok(psac_progress_choose(cases[k].name, 1, &kind));
    assert_int_equal(kind, PSAC_PROGRESS_NONE);
  }
}

static void test_auto_draws_no_bar_into_a_file(void **state) {
  (void)state;
  psac_progress_kind kind;
  unsetenv("OMPI_COMM_WORLD_SIZE");  // or the terminal of an mpirun would count
  assert_ok(psac_progress_choose("auto", 0, &kind));
  assert_int_equal(kind, PSAC_PROGRESS_LINES);
}

static void test_unknown_kinds_are_refused(void **state) {
  (void)state;
  psac_progress_kind kind;
  assert_int_equal(psac_progress_choose("dots", 0, &kind), PSAC_ERR_INPUT);
  assert_message_has("--progress dots is unknown; allowed: auto, bar, lines, none");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_capture, end_capture)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_none_is_silent),
      TEST(test_lines_are_plain_and_without_a_bar),
      TEST(test_bar_shows_where_it_is_and_goes_away),
      TEST(test_bar_is_narrower_than_the_terminal),
      TEST(test_bar_of_nothing_to_do_divides_nothing_by_zero),
      TEST(test_kinds_are_chosen_by_name_on_rank_zero_only),
      TEST(test_auto_draws_no_bar_into_a_file),
      TEST(test_unknown_kinds_are_refused),
  };
  return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
