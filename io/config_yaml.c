#include "io/config_yaml.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
  const clv_yaml_source *source; /* borrowed */
  yaml_parser_t          parser;
  int                    depth;
} reader;

static clv_yaml_place place_make(const clv_yaml_source *source, yaml_mark_t mark) {
  const clv_yaml at = {.source = source->name,
                       .line   = source->is_file ? mark.line + 1 : 0,
                       .column = source->is_file ? mark.column + 1 : 0};
  return clv_yaml_where(&at);
}

static clv_status refuse(const reader *r, yaml_mark_t mark, const char *why) {
  return clv_fail(CLV_EUSAGE, "%s%s", place_make(r->source, mark).text, why);
}

/** libyaml's own words, and what usually lies behind them. */
static clv_status parser_failed(const reader *r) {
  const yaml_parser_t *p    = &r->parser;
  const char          *hint = "";
  if (p->error == YAML_MEMORY_ERROR)
    return clv_fail(CLV_ENOMEM, "no memory to read '%.200s'", r->source->name);
  if (p->error == YAML_READER_ERROR)
    return clv_fail(CLV_EUSAGE, "%.300s: byte %zu is no text (%s); the configuration is a UTF-8 text file",
                    r->source->name, p->problem_offset, p->problem);
  if (p->problem != NULL && strstr(p->problem, "cannot start any token") != NULL)
    hint =
        "; YAML is indented with spaces, never tabs, and a text that begins with a special character needs "
        "quotes";
  else if (p->problem != NULL &&
           (strstr(p->problem, "expected key") != NULL || strstr(p->problem, "mapping values") != NULL ||
            strstr(p->problem, "expected ':'") != NULL))
    hint =
        "; check the indentation: keys of one section start in the same column, with a blank after the colon";
  return clv_fail(CLV_EUSAGE, "%snot valid YAML: %s%s", place_make(r->source, p->problem_mark).text,
                  p->problem != NULL ? p->problem : "unreadable", hint);
}

static clv_status event_next(reader *r, yaml_event_t *event) {
  return yaml_parser_parse(&r->parser, event) ? CLV_OK : parser_failed(r);
}

static clv_status node_new(const reader *r, const yaml_event_t *event, clv_yaml_kind kind, clv_yaml **out) {
  void            *memory = NULL;
  const clv_status st     = clv_calloc(1, sizeof(clv_yaml), &memory);
  if (st < 0) return st;
  clv_yaml *self = memory;
  self->kind     = kind;
  self->source   = r->source->name;
  if (r->source->is_file) {
    self->line   = event->start_mark.line + 1;
    self->column = event->start_mark.column + 1;
  }
  *out = self;
  return CLV_OK;
}

static clv_status node_append(clv_yaml *self, clv_yaml *child) {
  if ((self->n & (self->n - 1)) == 0) { /* full at powers of two */
    const clv_status st =
        clv_realloc(self->n == 0 ? 1 : 2 * self->n, sizeof *self->item, (void **)&self->item);
    if (st < 0) return st;
  }
  self->item[self->n++] = child;
  return CLV_OK;
}

static clv_status scalar_read(const reader *r, const yaml_event_t *event, clv_yaml **out) {
  clv_status   st     = CLV_OK;
  clv_yaml    *self   = NULL;
  void        *text   = NULL;
  const char  *value  = (const char *)event->data.scalar.value;
  const size_t length = event->data.scalar.length;

  if (event->data.scalar.anchor != NULL)
    return refuse(r, event->start_mark, "anchors (&name) are not read; write the value out");
  if (event->data.scalar.tag != NULL)
    return refuse(r, event->start_mark, "tags (!name) are not read; write the plain value");
  if (memchr(value, '\0', length) != NULL)
    return refuse(r, event->start_mark, "a text must not contain the character NUL");
  CLV_TRY(node_new(r, event, CLV_YAML_SCALAR, &self));
  CLV_TRY(clv_alloc(length + 1, 1, &text));
  memcpy(text, value, length);
  ((char *)text)[length] = '\0';
  self->text             = text;
  self->is_quoted        = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
  *out = self, self = NULL;
out:
  clv_yaml_free(&self);
  return st;
}

static clv_status node_read(reader *r, const yaml_event_t *event, clv_yaml **out);

/** Values up to the end of the list or map that `begin` opened. */
static clv_status items_read(reader *r, clv_yaml *self, yaml_event_type_t end) {
  clv_status st = CLV_OK;
  for (;;) {
    yaml_event_t event;
    clv_yaml    *child = NULL;
    CLV_TRY(event_next(r, &event));
    if (event.type == end) {
      yaml_event_delete(&event);
      return CLV_OK;
    }
    st = node_read(r, &event, &child);
    yaml_event_delete(&event);
    if (st >= 0 && (st = node_append(self, child)) < 0) clv_yaml_free(&child);
    if (st < 0) goto out;
  }
out:
  return st;
}

static clv_status keys_check(const clv_yaml *map) {
  if (map->n / 2 > CLV_YAML_KEYS_MAX)
    return clv_fail(CLV_EUSAGE, "%smore than %d keys in one section", clv_yaml_where(map).text,
                    CLV_YAML_KEYS_MAX);
  for (size_t i = 0; i < map->n; i += 2) {
    if (map->item[i]->kind != CLV_YAML_SCALAR)
      return clv_fail(CLV_EUSAGE, "%sa key must be a plain word", clv_yaml_where(map->item[i]).text);
    for (size_t j = 0; j < i; j += 2)
      if (strcmp(map->item[i]->text, map->item[j]->text) == 0)
        return clv_fail(CLV_EUSAGE, "%sthe key '%.100s' appears twice (first in line %zu); remove one",
                        clv_yaml_where(map->item[i]).text, map->item[i]->text, map->item[j]->line);
  }
  return CLV_OK;
}

static clv_status collection_read(reader *r, const yaml_event_t *event, clv_yaml **out) {
  clv_status st     = CLV_OK;
  clv_yaml  *self   = NULL;
  const bool is_map = event->type == YAML_MAPPING_START_EVENT;

  if ((is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor) != NULL)
    return refuse(r, event->start_mark, "anchors (&name) are not read; write the values out");
  if ((is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag) != NULL)
    return refuse(r, event->start_mark, "tags (!name) are not read; write the plain values");
  if (r->depth >= CLV_YAML_DEPTH_MAX) return refuse(r, event->start_mark, "nested too deeply");
  r->depth++;
  CLV_TRY(node_new(r, event, is_map ? CLV_YAML_MAP : CLV_YAML_LIST, &self));
  CLV_TRY(items_read(r, self, is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT));
  if (is_map) CLV_TRY(keys_check(self));
  r->depth--;
  *out = self, self = NULL;
out:
  clv_yaml_free(&self);
  return st;
}

static clv_status node_read(reader *r, const yaml_event_t *event, clv_yaml **out) {
  switch (event->type) {
    case YAML_SCALAR_EVENT:
      return scalar_read(r, event, out);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
      return collection_read(r, event, out);
    case YAML_ALIAS_EVENT:
      return refuse(r, event->start_mark, "aliases (*name) are not read; write the value out");
    default:
      return refuse(r, event->start_mark, "not a value");
  }
}

/** Next event that is not the frame around documents; `*has_more` false at the end of the stream. */
static clv_status content_next(reader *r, yaml_event_t *event, bool *has_more) {
  for (;;) {
    const clv_status st = event_next(r, event);
    if (st < 0) return st;
    *has_more = event->type != YAML_STREAM_END_EVENT;
    if (event->type != YAML_STREAM_START_EVENT && event->type != YAML_DOCUMENT_START_EVENT &&
        event->type != YAML_DOCUMENT_END_EVENT)
      return CLV_OK;
    yaml_event_delete(event);
  }
}

static clv_status document_read(reader *r, clv_yaml **out) {
  clv_status   st   = CLV_OK;
  clv_yaml    *root = NULL;
  yaml_event_t event;
  bool         has_more = false;

  CLV_TRY(content_next(r, &event, &has_more));
  st = has_more ? node_read(r, &event, &root) : node_new(r, &event, CLV_YAML_SCALAR, &root);
  yaml_event_delete(&event);
  if (st < 0) goto out;
  if (has_more) {
    CLV_TRY(content_next(r, &event, &has_more));
    if (has_more)
      st = refuse(r, event.start_mark, "a second YAML document begins here; a configuration is one document");
    yaml_event_delete(&event);
    if (st < 0) goto out;
  }
  *out = root, root = NULL;
out:
  clv_yaml_free(&root);
  return st;
}

clv_status clv_yaml_parse(const clv_yaml_source *source, clv_yaml **out) {
  reader r = {.source = source};
  if (source->length > CLV_YAML_BYTES_MAX)
    return clv_fail(CLV_EUSAGE, "%.300s is larger than 1 MiB; this is no configuration", source->name);
  if (!yaml_parser_initialize(&r.parser))
    return clv_fail(CLV_ENOMEM, "no memory to read '%.200s'", source->name);
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)source->text, source->length);
  const clv_status st = document_read(&r, out);
  yaml_parser_delete(&r.parser);
  return st;
}

void clv_yaml_free(clv_yaml **self) {
  clv_yaml *gone = *self;
  *self          = NULL;
  if (gone == NULL) return;
  for (size_t i = 0; i < gone->n; i++) clv_yaml_free(&gone->item[i]);
  free(gone->item);
  free(gone->text);
  free(gone);
}

bool clv_yaml_is_null(const clv_yaml *self) {
  if (self->kind != CLV_YAML_SCALAR || self->is_quoted) return false;
  return self->text == NULL || self->text[0] == '\0' || strcmp(self->text, "~") == 0 ||
         strcmp(self->text, "null") == 0 || strcmp(self->text, "Null") == 0 ||
         strcmp(self->text, "NULL") == 0;
}

const clv_yaml *clv_yaml_get(const clv_yaml *map, const char *key) {
  if (map->kind != CLV_YAML_MAP) return NULL;
  for (size_t i = 0; i + 1 < map->n; i += 2)
    if (strcmp(map->item[i]->text, key) == 0) return map->item[i + 1];
  return NULL;
}

clv_yaml_place clv_yaml_where(const clv_yaml *self) {
  clv_yaml_place place;
  if (self->line > 0)
    snprintf(place.text, sizeof place.text, "%.400s:%zu:%zu: ", self->source, self->line, self->column);
  else
    snprintf(place.text, sizeof place.text, "%.400s: ", self->source);
  return place;
}

bool clv_yaml_is_utf8(const char *text) {
  static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  const unsigned char  *p       = (const unsigned char *)text;
  while (*p != '\0') {
    const int more = *p < 0x80                 ? 0
                     : *p >= 0xC2 && *p < 0xE0 ? 1
                     : *p >= 0xE0 && *p < 0xF0 ? 2
                     : *p >= 0xF0 && *p < 0xF5 ? 3
                                               : -1;
    if (more < 0) return false;
    uint32_t code = more == 0 ? *p : *p & (0x3Fu >> more);
    for (int i = 1; i <= more; i++) {
      if ((p[i] & 0xC0) != 0x80) return false;
      code = code << 6 | (p[i] & 0x3Fu);
    }
    if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    p += more + 1;
  }
  return true;
}
