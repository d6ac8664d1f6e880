#include "src/config/config_yaml.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct psac_yaml {
  const char *origin;
  bool has_lines;
  int line;         // of the latest item, from 1
  int n_documents;  // begun so far
  struct fy_diag *diag;
  struct fy_parser *parser;
};

int psac_yaml_line(const psac_yaml *yaml) { return yaml->line; }

psac_status psac_yaml_fail(const psac_yaml *yaml, const char *format, ...) {
  char text[768];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (!yaml->has_lines) return psac_fail(PSAC_ERR_INPUT, "%s: %s", yaml->origin, text);
  return psac_fail(PSAC_ERR_INPUT, "%s:%d: %s", yaml->origin, yaml->line, text);
}

// Length in bytes of the UTF-8 character at `text`; 0 if it is invalid, a byte order mark, or a control character other
// than a line end.
static size_t character_bytes(const unsigned char *text, size_t n_bytes) {
  if (text[0] == '\r') return n_bytes > 1 && text[1] == '\n';
  if (text[0] < 0x80) return text[0] == '\n' || (text[0] >= 0x20 && text[0] != 0x7f);
  static const uint32_t lowest[] = {0, 0, 0xa0, 0x800, 0x10000};  // by length; below 0xa0 are control characters
  const size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
  if (text[0] < 0xc2 || length > n_bytes) return 0;
  uint32_t code = text[0] & (0x7fu >> length);
  for (size_t i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (text[i] & 0x3f);
  }
  const bool excluded = (code >= 0xd800 && code <= 0xdfff) || code == 0xfeff;  // surrogates, byte order mark
  return code >= lowest[length] && code <= 0x10ffff && !excluded ? length : 0;
}

// Refuses what libfyaml 0.7.12 does not handle and no configuration needs. At a byte that is not text, libfyaml may
// stop without an error; tabs, backslashes and directives can make it crash or hang.
static psac_status check_text(psac_yaml *yaml, const char *text, size_t n_bytes) {
  if (n_bytes > PSAC_YAML_BYTES_MAX)
    return psac_fail(PSAC_ERR_INPUT, "%s: longer than %d bytes", yaml->origin, PSAC_YAML_BYTES_MAX);
  size_t length;
  for (size_t i = 0; i < n_bytes; i += length) {
    length = character_bytes((const unsigned char *)text + i, n_bytes - i);
    const bool directive = text[i] == '%' && (i == 0 || text[i - 1] == '\n');
    if (length == 0 || text[i] == '\\' || directive)
      return psac_yaml_fail(yaml, "byte 0x%02x; allowed: UTF-8 text without tabs, backslashes and directives (%%)",
                            (unsigned char)text[i]);
    yaml->line += text[i] == '\n';
  }
  yaml->line = 1;
  return PSAC_OK;
}

const char *psac_yaml_version(void) { return fy_library_version(); }

// Replaces libfyaml's output to standard error.
static void print_nothing(struct fy_diag *diag, void *user, const char *text, size_t n_bytes) {
  (void)diag, (void)user, (void)text, (void)n_bytes;
}

static psac_status open_parser(psac_yaml *yaml, const char *text, size_t n_bytes) {
  struct fy_diag_cfg diag_cfg;
  fy_diag_cfg_default(&diag_cfg);
  diag_cfg.fp = NULL;
  diag_cfg.output_fn = print_nothing;
  yaml->diag = fy_diag_create(&diag_cfg);
  if (yaml->diag == NULL) return psac_fail(PSAC_ERR_MEMORY, "%s: out of memory", yaml->origin);
  fy_diag_set_collect_errors(yaml->diag, true);

  const struct fy_parse_cfg parse_cfg = {
      .search_path = "", .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE, .diag = yaml->diag};
  yaml->parser = fy_parser_create(&parse_cfg);
  if (yaml->parser == NULL || fy_parser_set_string(yaml->parser, text, n_bytes) != 0)
    return psac_fail(PSAC_ERR_MEMORY, "%s: out of memory", yaml->origin);
  return PSAC_OK;
}

psac_status psac_yaml_open(const char *text, size_t n_bytes, const char *origin, bool has_lines, psac_yaml **out) {
  psac_yaml *yaml = calloc(1, sizeof *yaml);
  if (yaml == NULL) return psac_fail(PSAC_ERR_MEMORY, "%s: out of memory", origin);
  yaml->origin = origin;
  yaml->has_lines = has_lines;
  yaml->line = 1;

  static const char byte_order_mark[] = "\xef\xbb\xbf";  // some editors begin a file with it
  if (n_bytes >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
    text += 3;
    n_bytes -= 3;
  }
  psac_status status;
  PSAC_TRY_OR_DONE(check_text(yaml, text, n_bytes));
  PSAC_TRY_OR_DONE(open_parser(yaml, text, n_bytes));
done:
  if (status != PSAC_OK) psac_yaml_close(&yaml);
  *out = yaml;
  return status;
}

void psac_yaml_close(psac_yaml **yaml) {
  if (*yaml == NULL) return;
  fy_parser_destroy((*yaml)->parser);
  fy_diag_destroy((*yaml)->diag);  // fy_diag_unref would leak the errors that it collected
  free(*yaml);
  *yaml = NULL;
}

static psac_status syntax_error(psac_yaml *yaml) {
  void *iterator = NULL;
  const struct fy_diag_error *error = fy_diag_errors_iterate(yaml->diag, &iterator);
  if (error == NULL) return psac_yaml_fail(yaml, "not YAML");
  if (error->line > 0) yaml->line = error->line;
  return psac_yaml_fail(yaml, "not YAML: %s", error->msg);
}

static psac_status copy_scalar(psac_yaml *yaml, struct fy_token *token, psac_yaml_item *item) {
  size_t n_bytes;
  const char *text = fy_token_get_text(token, &n_bytes);
  if (text == NULL) return psac_fail(PSAC_ERR_MEMORY, "%s: out of memory", yaml->origin);
  if (n_bytes >= sizeof item->text)
    return psac_yaml_fail(yaml, "a name or value of %zu bytes; none needs more than %d", n_bytes,
                          PSAC_YAML_TEXT_BYTES - 1);
  if (memchr(text, '\n', n_bytes) != NULL) return psac_yaml_fail(yaml, "a name or value of several lines");
  memcpy(item->text, text, n_bytes);
  item->text[n_bytes] = '\0';
  return PSAC_OK;
}

// Sets *is_item to whether the event is an item, which psac_yaml_next returns.
static psac_status read_event(psac_yaml *yaml, struct fy_event *event, psac_yaml_item *item, bool *is_item) {
  const struct fy_mark *mark = fy_event_start_mark(event);
  if (mark != NULL && mark->line >= 0) yaml->line = mark->line + 1;
  if (event->type == FYET_ALIAS || fy_event_get_anchor_token(event) != NULL || fy_event_get_tag_token(event) != NULL)
    return psac_yaml_fail(yaml, "YAML anchors (&), aliases (*) and tags (!) are not read here");

  if (event->type == FYET_DOCUMENT_START && ++yaml->n_documents > 1)
    return psac_yaml_fail(yaml, "a second YAML document begins; only one is read");

  item->text[0] = '\0';
  *is_item = true;
  switch (event->type) {
    case FYET_SCALAR: item->kind = PSAC_YAML_VALUE; return copy_scalar(yaml, event->scalar.value, item);
    case FYET_MAPPING_START: item->kind = PSAC_YAML_MAPPING; return PSAC_OK;
    case FYET_SEQUENCE_START: item->kind = PSAC_YAML_LIST; return PSAC_OK;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
    case FYET_STREAM_END: item->kind = PSAC_YAML_END; return PSAC_OK;
    default: *is_item = false; return PSAC_OK;
  }
}

psac_status psac_yaml_next(psac_yaml *yaml, psac_yaml_item *item) {
  bool is_item = false;
  while (!is_item) {
    struct fy_event *event = fy_parser_parse(yaml->parser);
    if (event == NULL) return syntax_error(yaml);
    const psac_status status = read_event(yaml, event, item, &is_item);
    fy_parser_event_free(yaml->parser, event);
    PSAC_TRY(status);
  }
  return PSAC_OK;
}
