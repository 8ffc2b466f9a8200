#include "io/csv_scan.h"

#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"
#include "io/csv_header.h"
#include "io/csv_stream.h"

#define COUNT_SIZE (1u << 20)

/* Line feeds and quotes in the part of a file that one rank owns and later ranks stand behind. */
typedef struct fragment {
  uint64_t file; /* UINT64_MAX: none */
  uint64_t lines, quotes;
} fragment;

struct clv_csv_scan {
  const clv_csv_files  *files;  /* borrowed */
  const clv_csv_column *column; /* borrowed, [n_column] */
  size_t                n_column;
  clv_csv_piece        *piece;        /* owned, [n_piece] */
  size_t                n_piece, now; /* now: the piece that is open or comes next */
  fragment              before;       /* of the first piece's file, ahead of it */
  clv_csv_stream       *stream;       /* owned; NULL between pieces */
  clv_csv_reader       *reader;       /* owned; made with the first piece */
  clv_csv_header        header;       /* owned; of the open piece */
  clv_text             *all;          /* owned, [CLV_CSV_COLUMN_MAX] */
  clv_text             *field;        /* owned, [n_column] */
  size_t                n_all;
  uint64_t              blank;
};

void clv_csv_scan_free(clv_csv_scan **self) {
  clv_csv_scan *s = *self;
  if (s != NULL) {
    clv_csv_stream_free(&s->stream);
    clv_csv_reader_free(&s->reader);
    clv_csv_header_clear(&s->header);
    free(s->piece);
    free(s->all);
    free(s->field);
  }
  free(s);
  *self = NULL;
}

static clv_status fragment_count(const clv_csv_scan *self, const clv_csv_piece *piece, fragment *f) {
  clv_status      st     = CLV_OK;
  clv_csv_stream *stream = NULL;
  char           *buffer = NULL;
  uint64_t        left   = piece->end - piece->begin;
  CLV_TRY(clv_csv_stream_new(clv_csv_files_get(self->files, piece->file), &stream));
  CLV_TRY(clv_alloc(COUNT_SIZE, 1, (void **)&buffer));
  clv_csv_stream_seek(stream, piece->begin);
  while (left > 0) {
    const clv_csv_source source = clv_csv_stream_source(stream);
    const ssize_t got = source.read(source.self, buffer, left < COUNT_SIZE ? (size_t)left : COUNT_SIZE);
    if (got < 0) CLV_TRY(CLV_EDATA);
    if (got == 0)
      CLV_TRY(clv_fail(CLV_EDATA,
                       "'%s' became shorter while it was read; prepare again when nothing writes to it",
                       clv_csv_files_get(self->files, piece->file)->path));
    clv_csv_count(buffer, (size_t)got, &f->lines, &f->quotes);
    left -= (uint64_t)got;
  }
  f->file = piece->file;
out:
  free(buffer);
  clv_csv_stream_free(&stream);
  return st;
}

/* The last piece of plain text that ends inside its file; there is one at most. */
static const clv_csv_piece *piece_open_ended(const clv_csv_scan *self) {
  for (size_t i = self->n_piece; i > 0; i--) {
    const clv_csv_piece *p    = &self->piece[i - 1];
    const clv_csv_file  *file = clv_csv_files_get(self->files, p->file);
    if (!file->is_gzip && p->end < file->bytes) return p;
  }
  return NULL;
}

static const clv_csv_piece *piece_open_begun(const clv_csv_scan *self) {
  for (size_t i = 0; i < self->n_piece; i++)
    if (self->piece[i].begin > 0) return &self->piece[i];
  return NULL;
}

/* What lies ahead of this rank's first range in its file: the sum of the earlier ranks' counts. */
static clv_status scan_look_before(clv_csv_scan *self, const clv_comm *comm, clv_status mine) {
  clv_status           st    = CLV_OK;
  fragment            *all   = NULL;
  fragment             f     = {.file = UINT64_MAX};
  const clv_csv_piece *ended = mine == CLV_OK ? piece_open_ended(self) : NULL;
  const clv_csv_piece *begun = mine == CLV_OK ? piece_open_begun(self) : NULL;
  if (ended != NULL) mine = fragment_count(self, ended, &f);
  if (mine == CLV_OK) mine = clv_alloc((size_t)clv_comm_size(comm), sizeof *all, (void **)&all);
  CLV_TRY(clv_comm_agree(comm, mine));
  clv_comm_allgather(comm, &f, sizeof f, all);
  for (int r = 0; begun != NULL && r < clv_comm_rank(comm); r++)
    if (all[r].file == begun->file) {
      self->before.lines += all[r].lines;
      self->before.quotes += all[r].quotes;
    }
out:
  free(all);
  return st;
}

clv_status clv_csv_scan_new(const clv_comm *comm, const clv_csv_files *files, const clv_csv_column *column,
                            size_t n_column, clv_csv_scan **out) {
  clv_status    st   = CLV_OK;
  clv_csv_scan *self = NULL;
  CLV_CHECK(n_column <= CLV_CSV_WANTED_MAX);
  CLV_TRY(clv_comm_agree(comm, clv_calloc(1, sizeof *self, (void **)&self)));
  self->files    = files;
  self->column   = column;
  self->n_column = n_column;
  st             = clv_alloc(n_column + 1, sizeof *self->field, (void **)&self->field);
  if (st == CLV_OK) st = clv_alloc(CLV_CSV_COLUMN_MAX, sizeof *self->all, (void **)&self->all);
  if (st == CLV_OK)
    st = clv_csv_files_deal(files, clv_comm_rank(comm), clv_comm_size(comm), &self->piece, &self->n_piece);
  CLV_TRY(scan_look_before(self, comm, st));
  *out = self, self = NULL;
out:
  clv_csv_scan_free(&self);
  return st;
}

/* Stand on the first record that begins in the piece; the stream is behind the header now. */
static clv_status piece_enter(clv_csv_scan *self, const clv_csv_piece *piece) {
  const clv_csv_source source = clv_csv_stream_source(self->stream);
  char                 last;
  clv_csv_start        at;
  if (clv_csv_files_get(self->files, piece->file)->is_gzip) return CLV_OK;
  clv_csv_reader_limit(self->reader, piece->end);
  if (piece->begin <= clv_csv_reader_offset(self->reader)) return CLV_OK;
  /* a record begins here if a line feed outside quotes came just before */
  clv_csv_stream_seek(self->stream, piece->begin - 1);
  if (source.read(source.self, &last, 1) != 1)
    return clv_fail(CLV_EDATA,
                    "'%s' became shorter while it was read; prepare again when nothing writes to it",
                    clv_csv_files_get(self->files, piece->file)->path);
  at        = (clv_csv_start){.offset = piece->begin,
                              .limit  = piece->end,
                              .line   = 1 + self->before.lines,
                              .quoted = self->before.quotes % 2 != 0};
  at.inside = at.quoted || last != '\n';
  clv_csv_reader_start(self->reader, source, at);
  return CLV_OK;
}

static clv_status piece_open(clv_csv_scan *self) {
  clv_status           st    = CLV_OK;
  const clv_csv_piece *piece = &self->piece[self->now];
  const clv_csv_file  *file  = clv_csv_files_get(self->files, piece->file);
  clv_csv_record       first;
  int                  got;
  CLV_TRY(clv_csv_stream_new(file, &self->stream));
  if (self->reader == NULL) CLV_TRY(clv_csv_reader_new(clv_csv_stream_source(self->stream), &self->reader));
  clv_csv_reader_start(self->reader, clv_csv_stream_source(self->stream),
                       (clv_csv_start){.line = 1, .limit = UINT64_MAX});
  got = clv_csv_reader_next(self->reader, &first);
  if (got < 0) CLV_TRY((clv_status)got);
  if (got == 0) CLV_TRY(clv_fail(CLV_EDATA, "'%s' is empty; expected a header line", file->path));
  clv_csv_header_clear(&self->header);
  CLV_TRY(clv_csv_header_read(file->path, &first, self->column, self->n_column, &self->header));
  CLV_TRY(piece_enter(self, piece));
out:
  return st;
}

static void row_fill(clv_csv_scan *self, const clv_csv_record *record, clv_csv_row *row) {
  *row = (clv_csv_row){.field  = self->field,
                       .file   = (uint32_t)self->piece[self->now].file,
                       .line   = record->line,
                       .bytes  = record->n,
                       .defect = record->defect};
  if (row->defect == CLV_CSV_SOUND)
    row->defect = clv_csv_split(record, self->all, CLV_CSV_COLUMN_MAX, &self->n_all);
  if (row->defect == CLV_CSV_SOUND && self->n_all != self->header.n_field) row->defect = CLV_CSV_FIELDS;
  if (row->defect == CLV_CSV_SOUND)
    for (size_t i = 0; i < self->n_column; i++) self->field[i] = self->all[self->header.place[i]];
}

int clv_csv_scan_next(clv_csv_scan *self, clv_csv_row *row) {
  clv_status     st = CLV_OK;
  clv_csv_record record;
  for (;;) {
    int got;
    if (self->now == self->n_piece) return 0;
    if (self->stream == NULL) CLV_TRY(piece_open(self));
    got = clv_csv_reader_next(self->reader, &record);
    if (got < 0) CLV_TRY((clv_status)got);
    if (got == 0) {
      clv_csv_stream_free(&self->stream);
      self->now++;
    } else if (record.n == 0 && record.defect == CLV_CSV_SOUND) {
      self->blank++;
    } else {
      break;
    }
  }
  if (record.defect == CLV_CSV_UNCLOSED)
    CLV_TRY(clv_fail(CLV_EDATA, "'%s', line %llu: a quote is opened and never closed; close it or double it",
                     clv_csv_files_get(self->files, self->piece[self->now].file)->path,
                     (unsigned long long)record.line));
  row_fill(self, &record, row);
  return 1;
out:
  return st;
}

uint64_t clv_csv_scan_row_hash(const clv_csv_scan *self) {
  uint64_t sum = 0;
  for (size_t i = 0; i < self->n_all; i++) {
    const uint64_t pair[2] = {self->header.hash[i], clv_hash(self->all[i].at, self->all[i].n)};
    sum += clv_hash(pair, sizeof pair);
  }
  return sum;
}

uint64_t clv_csv_scan_blank_lines(const clv_csv_scan *self) { return self->blank; }
