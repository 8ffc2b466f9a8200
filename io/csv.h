#ifndef CLV_IO_CSV_H
#define CLV_IO_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "comm/status.h"

/** Longest record, in bytes without its line end; a longer one is a defect of that record. */
#define CLV_CSV_RECORD_MAX 65536u
/** Most columns of a file. */
#define CLV_CSV_COLUMN_MAX 1024u

/** A piece of text; not terminated. */
typedef struct clv_text {
  const char *at;
  size_t      n;
} clv_text;

/** Where bytes come from. `read` gives at most `most` bytes: > 0 so many, 0 the end, -1 failed (clv_fail was
 * called). */
typedef struct clv_csv_source {
  void *self; /* borrowed */
  ssize_t (*read)(void *self, char *to, size_t most);
} clv_csv_source;

/** What is wrong with a record as such. */
typedef enum clv_csv_defect {
  CLV_CSV_SOUND,
  CLV_CSV_TOO_LONG, /* longer than CLV_CSV_RECORD_MAX */
  CLV_CSV_NUL,      /* holds a NUL byte */
  CLV_CSV_QUOTE,    /* a quote inside an unquoted field, or text behind a closing quote */
  CLV_CSV_FIELDS,   /* not as many fields as the header */
  CLV_CSV_UNCLOSED, /* a quote is still open at the end of the file */
} clv_csv_defect;

typedef struct clv_csv_record {
  char          *at; /* without line end; the reader's buffer, valid until the next record */
  size_t         n;
  uint64_t       offset; /* of its first byte in the stream */
  uint64_t       line;   /* its first line, from 1 */
  bool           has_quote;
  clv_csv_defect defect; /* TOO_LONG, NUL, UNCLOSED or SOUND */
} clv_csv_record;

/** Records of a stream of bytes in bounded memory. A record ends at a line feed before which the number of
 * quotes since the start of the record is even (RFC 4180; a quote anywhere counts, so that the cut is a
 * property of the bytes alone). A carriage return before the line feed belongs to the line end. */
typedef struct clv_csv_reader clv_csv_reader;

/** @param source  copied, its self borrowed. Not collective. */
clv_status clv_csv_reader_new(clv_csv_source source, clv_csv_reader **out);
void       clv_csv_reader_free(clv_csv_reader **self);

/** Start over on another place of a stream. Not collective.
 *  @param offset, line  of the first byte that the source will give
 *  @param limit  records that begin at or behind this offset are not given
 *  @param inside  the first byte lies inside a record (in quotes where `quoted`): go to the next one's begin
 * first */
typedef struct clv_csv_start {
  uint64_t offset, limit, line;
  bool     inside, quoted;
} clv_csv_start;
void clv_csv_reader_start(clv_csv_reader *self, clv_csv_source source, clv_csv_start at);

/** From here on give no records that begin at or behind `limit`. Not collective. */
void clv_csv_reader_limit(clv_csv_reader *self, uint64_t limit);

/** The next record: 1 given, 0 none left, < 0 a clv_status of the source. Not collective. */
int clv_csv_reader_next(clv_csv_reader *self, clv_csv_record *record);

/** Offset and line behind the last record given. Not collective. */
uint64_t clv_csv_reader_offset(const clv_csv_reader *self);
uint64_t clv_csv_reader_line(const clv_csv_reader *self);

/** Cut a record into fields, in place (quoted fields lose their quotes). Not collective.
 *  @param most  room in `field`; fields beyond it are counted only
 *  @param[out] n_field  fields in the record
 *  @return CLV_CSV_SOUND or CLV_CSV_QUOTE */
clv_csv_defect clv_csv_split(const clv_csv_record *record, clv_text *field, size_t most, size_t *n_field);

/** Line feeds and quotes in bytes[0 … n), added to the counts. Not collective. */
void clv_csv_count(const char *bytes, size_t n, uint64_t *lines, uint64_t *quotes);

#endif
