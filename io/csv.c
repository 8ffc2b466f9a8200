#include "io/csv.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE (1u << 20)

struct clv_csv_reader {
  clv_csv_source source;
  char          *buffer;     /* owned, [BUFFER_SIZE] */
  size_t         begin, end; /* what is unread lies in buffer[begin … end) */
  uint64_t       offset;     /* of buffer[begin] in the stream */
  uint64_t       line;       /* of buffer[begin] */
  uint64_t       limit;
  bool           is_over; /* the source has no more */
  bool           inside;  /* a record that is not ours has to be passed first */
  bool           quoted;  /* where inside: whether quotes are open */
};

clv_status clv_csv_reader_new(clv_csv_source source, clv_csv_reader **out) {
  clv_status      st   = CLV_OK;
  clv_csv_reader *self = NULL;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  CLV_TRY(clv_alloc(BUFFER_SIZE, 1, (void **)&self->buffer));
  clv_csv_reader_start(self, source, (clv_csv_start){.line = 1, .limit = UINT64_MAX});
  *out = self, self = NULL;
out:
  clv_csv_reader_free(&self);
  return st;
}

void clv_csv_reader_free(clv_csv_reader **self) {
  if (*self != NULL) free((*self)->buffer);
  free(*self);
  *self = NULL;
}

void clv_csv_reader_start(clv_csv_reader *self, clv_csv_source source, clv_csv_start at) {
  self->source  = source;
  self->begin   = 0;
  self->end     = 0;
  self->offset  = at.offset;
  self->line    = at.line;
  self->limit   = at.limit;
  self->is_over = false;
  self->inside  = at.inside;
  self->quoted  = at.quoted;
}

void clv_csv_reader_limit(clv_csv_reader *self, uint64_t limit) { self->limit = limit; }

uint64_t clv_csv_reader_offset(const clv_csv_reader *self) { return self->offset; }

uint64_t clv_csv_reader_line(const clv_csv_reader *self) { return self->line; }

/* Move what is left to the front and read on. */
static clv_status reader_refill(clv_csv_reader *self) {
  ssize_t got;
  memmove(self->buffer, self->buffer + self->begin, self->end - self->begin);
  self->end -= self->begin;
  self->begin = 0;
  while (self->end < BUFFER_SIZE && !self->is_over) {
    got = self->source.read(self->source.self, self->buffer + self->end, BUFFER_SIZE - self->end);
    if (got < 0) return CLV_EDATA;
    self->is_over = got == 0;
    self->end += (size_t)got;
  }
  return CLV_OK;
}

static void reader_pass(clv_csv_reader *self, size_t n, uint64_t lines) {
  self->begin += n;
  self->offset += n;
  self->line += lines;
}

/* How a look for the end of the record in the buffer came out. */
typedef struct extent {
  size_t   n;                        /* bytes with the line end */
  uint64_t lines;                    /* line feeds in them */
  bool     found, has_quote, quoted; /* quoted: quotes are open behind them */
} extent;

static extent extent_find(const char *at, size_t n, bool quoted) {
  extent      e = {.quoted = quoted};
  const char *p = at, *const end = at + n;
  while (p < end) {
    const char *feed = memchr(p, '\n', (size_t)(end - p));
    const char *stop = feed == NULL ? end : feed;
    for (const char *q = p; (q = memchr(q, '"', (size_t)(stop - q))) != NULL; q++) {
      e.quoted    = !e.quoted;
      e.has_quote = true;
    }
    if (feed == NULL) break;
    e.lines++;
    p = feed + 1;
    if (!e.quoted) {
      e.found = true;
      break;
    }
  }
  e.n = e.found ? (size_t)(p - at) : n;
  return e;
}

/* Give up the bytes of a record whose end is not in the buffer, until it is. */
static clv_status reader_skip(clv_csv_reader *self, bool quoted, bool *unclosed) {
  clv_status st = CLV_OK;
  for (;;) {
    const extent e = extent_find(self->buffer + self->begin, self->end - self->begin, quoted);
    reader_pass(self, e.n, e.lines);
    quoted    = e.quoted;
    *unclosed = quoted;
    if (e.found) break;
    if (self->is_over) break;
    CLV_TRY(reader_refill(self));
  }
out:
  return st;
}

/* The reader stands on the record's first byte, and its end or more than its greatest length is in the
 * buffer. */
static void record_fill(clv_csv_reader *self, const extent *e, clv_csv_record *record) {
  char  *at = self->buffer + self->begin;
  size_t n  = e->n;
  if (e->found) n--;
  if (n > 0 && at[n - 1] == '\r') n--;
  *record = (clv_csv_record){
      .at = at, .n = n, .offset = self->offset, .line = self->line, .has_quote = e->has_quote};
  if (!e->found && e->quoted)
    record->defect = CLV_CSV_UNCLOSED;
  else if (n > CLV_CSV_RECORD_MAX)
    record->defect = CLV_CSV_TOO_LONG;
  else if (memchr(at, '\0', n) != NULL)
    record->defect = CLV_CSV_NUL;
}

static clv_status reader_enter(clv_csv_reader *self) {
  clv_status st = CLV_OK;
  bool       unclosed;
  if (!self->inside) return CLV_OK;
  CLV_TRY(reader_refill(self));
  CLV_TRY(reader_skip(self, self->quoted, &unclosed));
  self->inside = false;
out:
  return st;
}

int clv_csv_reader_next(clv_csv_reader *self, clv_csv_record *record) {
  clv_status st = CLV_OK;
  extent     e;
  bool       unclosed;
  CLV_TRY(reader_enter(self));
  if (self->offset >= self->limit) return 0;
  e = extent_find(self->buffer + self->begin, self->end - self->begin, false);
  if (!e.found && !self->is_over) {
    CLV_TRY(reader_refill(self));
    e = extent_find(self->buffer + self->begin, self->end - self->begin, false);
  }
  if (e.n == 0) return 0;
  record_fill(self, &e, record);
  if (e.found || self->is_over) {
    reader_pass(self, e.n, e.lines);
  } else { /* a whole buffer without an end */
    record->defect = CLV_CSV_TOO_LONG;
    record->n      = 0;
    CLV_TRY(reader_skip(self, false, &unclosed));
    if (unclosed) record->defect = CLV_CSV_UNCLOSED;
  }
  return 1;
out:
  return st;
}

/* A field that begins with a quote; returns the byte behind it, or NULL. Doubled quotes become one. */
static char *quoted_read(char *p, const char *end, clv_text *field) {
  char *to  = p;
  field->at = p;
  for (p++; p < end; p++) {
    if (*p == '"') {
      if (p + 1 < end && p[1] == '"')
        p++;
      else
        break;
    }
    *to++ = *p;
  }
  field->n = (size_t)(to - field->at);
  if (p == end) return NULL;
  p++;
  return p == end || *p == ',' ? p : NULL;
}

static char *plain_read(char *p, char *end, clv_text *field) {
  char *start = p;
  while (p < end && *p != ',' && *p != '"') p++;
  *field = (clv_text){start, (size_t)(p - start)};
  return p < end && *p == '"' ? NULL : p;
}

/* Without quotes: commas are all there is. */
static void simple_split(const clv_csv_record *record, clv_text *field, size_t most, size_t *n_field) {
  const char *start = record->at, *end = record->at + record->n;
  size_t      n = 0;
  for (const char *p = start;; p++) {
    if (p < end && *p != ',') continue;
    if (n < most) field[n] = (clv_text){start, (size_t)(p - start)};
    n++;
    if (p == end) break;
    start = p + 1;
  }
  *n_field = n;
}

clv_csv_defect clv_csv_split(const clv_csv_record *record, clv_text *field, size_t most, size_t *n_field) {
  char    *p = record->at, *end = record->at + record->n;
  size_t   n = 0;
  clv_text one;
  if (!record->has_quote) {
    simple_split(record, field, most, n_field);
    return CLV_CSV_SOUND;
  }
  for (;; p++) {
    p = p < end && *p == '"' ? quoted_read(p, end, &one) : plain_read(p, end, &one);
    if (p == NULL) return CLV_CSV_QUOTE;
    if (n < most) field[n] = one;
    n++;
    if (p == end) break;
  }
  *n_field = n;
  return CLV_CSV_SOUND;
}

typedef unsigned char lanes __attribute__((vector_size(32)));

void clv_csv_count(const char *bytes, size_t n, uint64_t *lines, uint64_t *quotes) {
  size_t i = 0;
  while (n - i >= sizeof(lanes)) { /* a lane counts to 255 at most before it is emptied */
    const size_t batch = (n - i) / sizeof(lanes) < 255 ? (n - i) / sizeof(lanes) : 255;
    lanes        feed = {0}, quote = {0};
    for (size_t b = 0; b < batch; b++, i += sizeof(lanes)) {
      lanes v;
      memcpy(&v, bytes + i, sizeof v);
      feed -= (lanes)(v == '\n');
      quote -= (lanes)(v == '"');
    }
    for (size_t j = 0; j < sizeof(lanes); j++) {
      *lines += feed[j];
      *quotes += quote[j];
    }
  }
  for (; i < n; i++) {
    *lines += bytes[i] == '\n';
    *quotes += bytes[i] == '"';
  }
}
