#include "io/csv_header.h"

#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"
#include "io/csv_number.h"
#include "io/nearest.h"
#include "io/time_format.h"

#define NAME_SHOWN 64  /* bytes of a column's name in a message, and in the search for the nearest */
#define LIST_SHOWN 600 /* bytes of all of them */

void clv_csv_header_clear(clv_csv_header *self) {
  free(self->place);
  free(self->hash);
  *self = (clv_csv_header){0};
}

static size_t distance(const char *name, clv_text field) {
  char text[NAME_SHOWN + 1];
  if (field.n > NAME_SHOWN) return SIZE_MAX;
  memcpy(text, field.at, field.n);
  text[field.n] = '\0';
  return clv_edit_distance(name, text);
}

static void list_print(const clv_text *field, size_t n, char list[LIST_SHOWN]) {
  size_t used = 0;
  list[0]     = '\0';
  for (size_t i = 0; i < n; i++) {
    const size_t shown = field[i].n < NAME_SHOWN ? field[i].n : NAME_SHOWN;
    if (used + shown + 8 > LIST_SHOWN) {
      memcpy(list + used, ", …", sizeof ", …");
      return;
    }
    if (i > 0) memcpy(list + used, ", ", 2), used += 2;
    memcpy(list + used, field[i].at, shown);
    used += shown;
    list[used] = '\0';
  }
}

static bool looks_like_data(const clv_text *field, size_t n) {
  double           number;
  int64_t          micros;
  bool             found = false;
  clv_time_format *iso   = NULL;
  if (clv_time_format_new(NULL, &iso) < 0) return false;
  for (size_t i = 0; i < n && !found; i++)
    found = clv_csv_number(field[i].at, field[i].n, &number) ||
            clv_time_format_parse(iso, field[i].at, field[i].n, &micros, NULL) != CLV_TIME_SHAPE;
  clv_time_format_free(&iso);
  return found;
}

static clv_status column_missing(const char *path, const clv_csv_column *wanted, const clv_text *field,
                                 size_t n) {
  char   list[LIST_SHOWN];
  size_t best = 0;
  /* a first line of data would show a customer: say what it seems to be, not what it holds */
  if (looks_like_data(field, n))
    return clv_fail(CLV_EDATA,
                    "'%s' has no column '%s' (%s): its first line seems to be data; expected a header that "
                    "names the columns",
                    path, wanted->name, wanted->key);
  if (n == 1 && memchr(field[0].at, ';', field[0].n) != NULL)
    return clv_fail(CLV_EDATA, "'%s' is separated by semicolons; expected commas", path);
  if (n == 1 && memchr(field[0].at, '\t', field[0].n) != NULL)
    return clv_fail(CLV_EDATA, "'%s' is separated by tabs; expected commas", path);
  for (size_t i = 1; i < n; i++)
    if (distance(wanted->name, field[i]) < distance(wanted->name, field[best])) best = i;
  list_print(field, n, list);
  return clv_fail(CLV_EDATA, "'%s' has no column '%s' (%s); it has: %s; the nearest is '%.*s'", path,
                  wanted->name, wanted->key, list,
                  (int)(field[best].n < NAME_SHOWN ? field[best].n : NAME_SHOWN), field[best].at);
}

static clv_status column_find(const char *path, const clv_csv_column *wanted, const clv_text *field, size_t n,
                              size_t *place) {
  const size_t length = strlen(wanted->name);
  size_t       hits   = 0;
  for (size_t i = 0; i < n; i++) {
    if (field[i].n != length || memcmp(field[i].at, wanted->name, length) != 0) continue;
    if (hits++ == 0) *place = i;
  }
  if (hits > 1)
    return clv_fail(CLV_EDATA, "'%s' has %zu columns named '%s' (%s); expected one", path, hits, wanted->name,
                    wanted->key);
  return hits == 1 ? CLV_OK : column_missing(path, wanted, field, n);
}

static bool has_control(const clv_csv_record *record) {
  for (size_t i = 0; i < record->n; i++) {
    const unsigned char c = (unsigned char)record->at[i];
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) return true;
  }
  return false;
}

/* Is this the first line of a text at all? Takes a byte order mark away. */
static clv_status first_look(const char *path, clv_csv_record *record) {
  const unsigned char *b = (const unsigned char *)record->at;
  if (record->n >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)))
    return clv_fail(CLV_EDATA, "'%s' is UTF-16 text; expected UTF-8", path);
  if (record->n >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf) {
    record->at += 3;
    record->n -= 3;
  }
  if (record->defect == CLV_CSV_NUL ||
      (record->n > 0 && record->defect == CLV_CSV_SOUND && has_control(record)))
    return clv_fail(CLV_EDATA, "'%s' is not CSV text: its first line holds control bytes", path);
  if (record->defect == CLV_CSV_TOO_LONG)
    return clv_fail(CLV_EDATA, "'%s': the first line is longer than %u bytes; expected a header", path,
                    CLV_CSV_RECORD_MAX);
  if (record->defect == CLV_CSV_UNCLOSED)
    return clv_fail(CLV_EDATA, "'%s', line %llu: a quote is opened and never closed", path,
                    (unsigned long long)record->line);
  if (record->n == 0) return clv_fail(CLV_EDATA, "'%s' has no header: its first line is blank", path);
  return CLV_OK;
}

static clv_status header_fill(clv_csv_header *self, const char *path, const clv_csv_column *column,
                              size_t n_column, const clv_text *field) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_alloc(n_column + 1, sizeof *self->place, (void **)&self->place));
  CLV_TRY(clv_alloc(self->n_field, sizeof *self->hash, (void **)&self->hash));
  for (size_t i = 0; i < n_column; i++)
    CLV_TRY(column_find(path, &column[i], field, self->n_field, &self->place[i]));
  for (size_t i = 0; i < self->n_field; i++) self->hash[i] = clv_hash(field[i].at, field[i].n);
out:
  return st;
}

clv_status clv_csv_header_read(const char *path, clv_csv_record *record, const clv_csv_column *column,
                               size_t n_column, clv_csv_header *out) {
  clv_status     st    = CLV_OK;
  clv_csv_header self  = {0};
  clv_text      *field = NULL;
  CLV_TRY(first_look(path, record));
  CLV_TRY(clv_alloc(CLV_CSV_COLUMN_MAX, sizeof *field, (void **)&field));
  if (clv_csv_split(record, field, CLV_CSV_COLUMN_MAX, &self.n_field) != CLV_CSV_SOUND)
    CLV_TRY(clv_fail(CLV_EDATA, "'%s': a quote inside a field of the header; quote whole fields", path));
  if (self.n_field > CLV_CSV_COLUMN_MAX)
    CLV_TRY(clv_fail(CLV_EDATA, "'%s' has %zu columns; at most %u can be read", path, self.n_field,
                     CLV_CSV_COLUMN_MAX));
  CLV_TRY(header_fill(&self, path, column, n_column, field));
  *out = self, self = (clv_csv_header){0};
out:
  clv_csv_header_clear(&self);
  free(field);
  return st;
}
