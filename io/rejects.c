#include "io/rejects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/files.h"

typedef struct reject_row {
  uint64_t line;
  uint32_t file, reason;
} reject_row;

struct clv_rejects {
  uint32_t    first_table_file;
  reject_row *row; /* owned, [room] */
  size_t      n, room;
};

typedef struct wording {
  const char *word, *phrase;
} wording;

static const wording WORDING[CLV_REJECT_N] = {
    [CLV_REJECT_TOO_LONG]     = {"too_long", "the row is longer than 65536 bytes"},
    [CLV_REJECT_NUL]          = {"nul_byte", "the row holds a NUL byte"},
    [CLV_REJECT_QUOTE]        = {"quote", "a quote inside a field, or text behind a closing quote"},
    [CLV_REJECT_FIELDS]       = {"fields", "not as many fields as the header"},
    [CLV_REJECT_NO_ID]        = {"no_id", "the customer id is empty"},
    [CLV_REJECT_ID_LONG]      = {"id_too_long", "the customer id is longer than 255 bytes"},
    [CLV_REJECT_ID_CONTROL]   = {"id_control", "the customer id holds a control character"},
    [CLV_REJECT_TIME]         = {"time", "the time does not have the expected format"},
    [CLV_REJECT_NO_SUCH_TIME] = {"no_such_time", "there is no such day or time"},
    [CLV_REJECT_AMOUNT]       = {"amount", "the amount is not a number"},
    [CLV_REJECT_AMOUNT_RANGE] = {"amount_range", "the amount is beyond 1e15"},
    [CLV_REJECT_VALUE]        = {"value", "a value is longer than 255 bytes or holds a control character"},
    [CLV_REJECT_RETURN]       = {"return", "a negative amount, set aside by the policy for returns"},
    [CLV_REJECT_ZERO]      = {"zero_amount", "an amount of zero, set aside by the policy for zero amounts"},
    [CLV_REJECT_DUPLICATE] = {"duplicate", "the same as another row"},
    [CLV_REJECT_SAME_CUSTOMER] = {"same_customer", "the customer has another row in the table"},
};

const char *clv_reject_word(clv_reject reason) { return WORDING[reason].word; }

const char *clv_reject_phrase(clv_reject reason) { return WORDING[reason].phrase; }

clv_reject clv_reject_of(clv_csv_defect defect) {
  CLV_CHECK(defect >= CLV_CSV_TOO_LONG && defect <= CLV_CSV_FIELDS);
  return (clv_reject)((int)defect - (int)CLV_CSV_TOO_LONG);
}

clv_status clv_rejects_new(uint32_t first_table_file, clv_rejects **out) {
  clv_status st = clv_calloc(1, sizeof **out, (void **)out);
  if (st == CLV_OK) (*out)->first_table_file = first_table_file;
  return st;
}

uint32_t clv_rejects_first_table_file(const clv_rejects *self) { return self->first_table_file; }

void clv_rejects_free(clv_rejects **self) {
  if (*self != NULL) free((*self)->row);
  free(*self);
  *self = NULL;
}

clv_status clv_rejects_add(clv_rejects *self, uint32_t file, uint64_t line, clv_reject reason) {
  clv_status st = CLV_OK;
  if (self->n == self->room) {
    const size_t room = self->room == 0 ? 64 : 2 * self->room;
    CLV_TRY(clv_realloc(room, sizeof *self->row, (void **)&self->row));
    self->room = room;
  }
  self->row[self->n++] = (reject_row){.line = line, .file = file, .reason = (uint32_t)reason};
out:
  return st;
}

static int row_order(const void *a, const void *b) {
  const reject_row *p = a, *q = b;
  if (p->file != q->file) return p->file < q->file ? -1 : 1;
  if (p->line != q->line) return p->line < q->line ? -1 : 1;
  return (p->reason > q->reason) - (p->reason < q->reason);
}

clv_status clv_rejects_gather(clv_rejects *self, const clv_comm *comm, clv_status mine,
                              clv_reject_count *count) {
  clv_status st    = CLV_OK;
  void      *all   = NULL;
  size_t     total = 0;
  memset(count, 0, sizeof *count);
  for (size_t i = 0; i < self->n; i++)
    (self->row[i].file < self->first_table_file ? count->log : count->table)[self->row[i].reason]++;
  CLV_TRY(clv_comm_agree(comm, mine));
  clv_comm_sum_i64(comm, count->log, CLV_REJECT_N);
  clv_comm_sum_i64(comm, count->table, CLV_REJECT_N);
  CLV_TRY(clv_comm_gather(comm, self->row, self->n * sizeof *self->row, 0, &all, &total, NULL));
  free(self->row);
  self->row = all;
  self->n = self->room = total / sizeof *self->row;
  if (self->n > 0) qsort(self->row, self->n, sizeof *self->row, row_order);
out:
  return st;
}

clv_status clv_rejects_fail(const clv_rejects *self, clv_reject first, clv_reject last, const char *key,
                            const char *const *path) {
  const reject_row *found = NULL;
  size_t            n     = 0;
  for (size_t i = 0; i < self->n; i++) {
    if (self->row[i].reason < (uint32_t)first || self->row[i].reason > (uint32_t)last) continue;
    if (n++ == 0) found = &self->row[i];
  }
  if (found == NULL) return CLV_OK;
  return clv_fail(
      CLV_EDATA,
      "'%s', line %llu: %s (%zu such %s in all); correct the data, or set %s: drop to go on without",
      path[found->file], (unsigned long long)found->line, WORDING[found->reason].phrase, n,
      n == 1 ? "row" : "rows", key);
}

/* A path that needs quotes in CSV gets them. */
static void path_print(FILE *to, const char *path) {
  if (strpbrk(path, ",\"\n\r") == NULL) {
    fputs(path, to);
    return;
  }
  fputc('"', to);
  for (; *path != '\0'; path++) {
    if (*path == '"') fputc('"', to);
    fputc(*path, to);
  }
  fputc('"', to);
}

clv_status clv_rejects_write(const clv_rejects *self, const char *path, const char *const *file) {
  clv_status st = CLV_OK;
  FILE      *to = fopen(path, "wbe");
  int        rc = to == NULL;
  if (to != NULL) {
    fputs("file,line,reason\n", to);
    for (size_t i = 0; i < self->n; i++) {
      const reject_row *r = &self->row[i];
      path_print(to, file[r->file]);
      fprintf(to, ",%llu,\"%s\"\n", (unsigned long long)r->line, WORDING[r->reason].phrase);
    }
    rc = ferror(to) | fflush(to) | fsync(fileno(to));
    rc |= fclose(to);
  }
  if (rc != 0) st = clv_file_write_failed(path, errno);
  return st;
}
