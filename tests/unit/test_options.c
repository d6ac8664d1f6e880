// options: the command line is read as the help says, or refused with what is allowed.
#include "check.h"
#include "jobs/jobs.h"
#include "jobs/options.h"

static psac_options options;

// Reads "psac_dist ARGUMENTS"; arguments are separated by single blanks.
static psac_status read_line(const char *arguments) {
  static char copy[8192], *argv[1024];
  int argc = 0;
  argv[argc++] = "psac_dist";
  snprintf(copy, sizeof copy, "%s", arguments);
  for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
  return psac_options_read(argc, argv, &options);
}

static void refuse(const char *arguments, const char *part) {
  assert_int_equal(read_line(arguments), PSAC_ERR_INPUT);
  assert_message_has(part);
}

static void test_without_arguments_it_trains_with_the_defaults(void **state) {
  (void)state;
  assert_ok(read_line(""));
  assert_string_equal(options.job->name, "train");
  assert_string_equal(options.run.data, "data/mnist");
  assert_string_equal(options.run.backend, "auto");
  assert_string_equal(options.run.transport, "auto");
  assert_string_equal(options.progress, "auto");
  assert_null(options.run.config);
  assert_null(options.out);
  assert_null(options.run.seed);
  assert_int_equal(options.run.n_sets, 0);
  assert_false(options.help || options.version);
}

static void test_every_job_is_found_by_its_name(void **state) {
  (void)state;
  for (const psac_job *job = psac_jobs; job->name; job++) {
    assert_ok(read_line(job->name));
    assert_ptr_equal(options.job, job);
  }
}

static void test_values_follow_a_blank_or_an_equals_sign(void **state) {
  (void)state;
  assert_ok(read_line("train --data a/b --out=c.h5 --seed 7 --config=quick --set=a.b=c --set d.e=f --progress none"));
  assert_string_equal(options.run.data, "a/b");
  assert_string_equal(options.out, "c.h5");
  assert_string_equal(options.run.seed, "7");
  assert_string_equal(options.run.config, "quick");
  assert_string_equal(options.progress, "none");
  assert_int_equal(options.run.n_sets, 2);
  assert_string_equal(options.run.set[0], "a.b=c");
  assert_string_equal(options.run.set[1], "d.e=f");
}

static void test_the_last_of_repeated_options_counts(void **state) {
  (void)state;
  assert_ok(read_line("--seed 1 --seed 2"));
  assert_string_equal(options.run.seed, "2");
}

static void test_the_command_line_is_kept_as_typed(void **state) {
  (void)state;
  assert_ok(read_line("train --seed 7"));
  assert_string_equal(options.run.command_line, "psac_dist train --seed 7");
}

static void test_a_very_long_command_line_is_cut(void **state) {
  (void)state;
  char line[8000];
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\0';
  memcpy(line, "--data ", 7);
  assert_ok(read_line(line));
  assert_int_equal(strlen(options.run.command_line), sizeof options.run.command_line - 1);
}

static void test_help_asks_for_the_job_or_the_program(void **state) {
  (void)state;
  assert_ok(read_line("--help"));
  assert_true(options.help);
  assert_null(options.job);
  assert_ok(read_line("help"));
  assert_true(options.help);
  assert_null(options.job);
  assert_ok(read_line("evaluate -h"));
  assert_true(options.help);
  assert_string_equal(options.job->name, "evaluate");
}

static void test_help_takes_a_command(void **state) {
  (void)state;
  for (const psac_job *job = psac_jobs; job->name; job++) {
    char line[64];
    snprintf(line, sizeof line, "help %s", job->name);
    assert_ok(read_line(line));
    assert_true(options.help);
    assert_ptr_equal(options.job, job);
  }
  refuse("help evalaute", "evalaute is not a command; the nearest is evaluate; allowed: ");
  refuse("help plan train", "train is not understood; help takes one command");
}

static void test_version_is_asked_for(void **state) {
  (void)state;
  static const char *const lines[] = {"--version", "-V", "plan -V"};
  for (size_t k = 0; k < COUNT(lines); k++) {
    assert_ok(read_line(lines[k]));
    assert_true(options.version);
    assert_false(options.help);
  }
}

static void test_unknown_commands_are_answered_with_all_commands(void **state) {
  (void)state;
  refuse("trian", "trian is not a command; the nearest is train; allowed: ");
  for (const psac_job *job = psac_jobs; job->name; job++) assert_message_has(job->name);
}

static void test_unknown_options_are_answered_with_the_nearest_of_the_job(void **state) {
  (void)state;
  static const struct {
    const char *line, *nearest;
  } cases[] = {{"train --sed 7", "--seed"},
               {"train --see=7", "--seed"},
               {"train --transprot mpi", "--transport"},
               {"train --vresion", "--version"},
               {"plan --nuerons 5", "--neurons"},
               {"plan --verbsoe", "--verbose"},
               {"scaling --dry-run 4", "--dry-run-ranks"}};
  for (size_t k = 0; k < COUNT(cases); k++) {
    char nearest[64];
    snprintf(nearest, sizeof nearest, "; the nearest is %s; see psac_dist help ", cases[k].nearest);
    refuse(cases[k].line, nearest);
    assert_in_range(strlen(psac_fail_message()), 1, 120);
  }
  refuse("train --", "-- is not an option of psac_dist train; see psac_dist help train");
  refuse("info --qqqqqqqqqqqq", "is not an option of psac_dist info; see psac_dist help info");
}

static void test_names_of_earlier_versions_are_accepted(void **state) {
  (void)state;
  assert_ok(read_line("scaling --pretend-ranks 8"));
  assert_string_equal(options.dry_run_ranks, "8");
  assert_ok(read_line("scaling --dry-run-ranks 9"));
  assert_string_equal(options.dry_run_ranks, "9");
}

static void test_options_of_another_job_are_refused(void **state) {
  (void)state;
  refuse("train --weights x.h5", "--weights is not an option of psac_dist train");
  refuse("info --set a.b=c", "--set is not an option of psac_dist info");
}

static void test_options_without_a_value_are_refused(void **state) {
  (void)state;
  refuse("train --out", "--out needs a value: --out FILE");
  refuse("train --out=", "--out needs a value");
  refuse("train --set", "--set needs a value");
}

static void test_words_that_are_no_options_are_refused(void **state) {
  (void)state;
  refuse("train now", "now is not understood");
  refuse("train -x", "-x is not understood");
  refuse("--seed 7 train", "train is not understood; options begin with --, and the command comes first");
}

static void test_too_many_sets_are_refused(void **state) {
  (void)state;
  char line[8192] = "";
  for (int k = 0; k <= PSAC_MAX_SETS; k++) strcat(line, "--set a.b=c ");
  refuse(line, "more than 256 --set options");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_without_arguments_it_trains_with_the_defaults),
      cmocka_unit_test(test_every_job_is_found_by_its_name),
      cmocka_unit_test(test_values_follow_a_blank_or_an_equals_sign),
      cmocka_unit_test(test_the_last_of_repeated_options_counts),
      cmocka_unit_test(test_the_command_line_is_kept_as_typed),
      cmocka_unit_test(test_a_very_long_command_line_is_cut),
      cmocka_unit_test(test_help_asks_for_the_job_or_the_program),
      cmocka_unit_test(test_help_takes_a_command),
      cmocka_unit_test(test_version_is_asked_for),
      cmocka_unit_test(test_unknown_commands_are_answered_with_all_commands),
      cmocka_unit_test(test_unknown_options_are_answered_with_the_nearest_of_the_job),
      cmocka_unit_test(test_names_of_earlier_versions_are_accepted),
      cmocka_unit_test(test_options_of_another_job_are_refused),
      cmocka_unit_test(test_options_without_a_value_are_refused),
      cmocka_unit_test(test_words_that_are_no_options_are_refused),
      cmocka_unit_test(test_too_many_sets_are_refused),
  };
  return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
