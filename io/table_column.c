#include "io/table_column.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "io/csv_number.h"
#include "io/id_table.h"
#include "io/keyed_rows.h"

#define NUMBER_MAX 1e15 /* as for amounts: sums stay exact */

#define LEVEL_MISSING (CLV_ID_NONE - 1)
#define LEVEL_LOST \
  (CLV_ID_NONE - 2) /* beyond the most labels: right only where the column turns out to be numbers */

struct clv_table_column {
  const char    *name; /* borrowed */
  clv_table_use  use;
  bool           is_number; /* every value in use is one; after settling: over all ranks, and not labels */
  bool           has_lost;  /* a label in use was not kept */
  bool           has_other; /* a number in use is neither 0 nor 1 */
  bool           has_odd;   /* a text in use is nan, inf or a number too large */
  clv_id_table  *level;     /* owned; texts seen on this rank */
  uint32_t      *code;      /* owned, [room]; number of the text, or LEVEL_MISSING, LEVEL_LOST */
  double        *number;    /* owned, [room]; NaN where missing */
  size_t         n, room;
  uint64_t      *n_use;             /* owned, [CLV_LABEL_N_MAX]; customers by number of the text */
  uint64_t       n_missing;         /* customers without a value */
  double         least, most, mean; /* of the numbers in use; mean after settling */
  int64_t        n_known;
  clv_exact_sum *sum;   /* owned; of the numbers in use */
  char         **label; /* owned, [n_label]; after settling */
  size_t         n_label;
  uint32_t      *label_of; /* owned, [texts]; after settling: the label of each of this rank's texts */
  uint32_t       label_missing;
  uint32_t       reference; /* after settling: the most frequent label */
};

clv_status clv_table_column_new(const char *name, clv_table_use use, clv_table_column **out) {
  clv_status        st   = CLV_OK;
  clv_table_column *self = NULL;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->name      = name;
  self->use       = use;
  self->is_number = true;
  self->least     = INFINITY;
  self->most      = -INFINITY;
  CLV_TRY(clv_id_table_new(&self->level));
  CLV_TRY(clv_exact_sum_new(1, &self->sum));
  CLV_TRY(clv_calloc(CLV_LABEL_N_MAX, sizeof *self->n_use, (void **)&self->n_use));
  *out = self, self = NULL;
out:
  clv_table_column_free(&self);
  return st;
}

void clv_table_column_free(clv_table_column **self) {
  clv_table_column *s = *self;
  if (s != NULL) {
    if (s->level != NULL) clv_id_table_free(&s->level);
    clv_exact_sum_free(&s->sum);
    for (size_t i = 0; i < s->n_label; i++) free(s->label[i]);
    free(s->label);
    free(s->label_of);
    free(s->n_use);
    free(s->code);
    free(s->number);
  }
  free(s);
  *self = NULL;
}

static clv_status room_make(clv_table_column *self, size_t row) {
  clv_status st = CLV_OK;
  CLV_CHECK(row <= self->n);
  if (row == self->room) {
    const size_t room = self->room == 0 ? 1024 : 2 * self->room;
    CLV_TRY(clv_realloc(room, sizeof *self->code, (void **)&self->code));
    CLV_TRY(clv_realloc(room, sizeof *self->number, (void **)&self->number));
    self->room = room;
  }
  if (row == self->n) self->n++;
out:
  return st;
}

static bool is_blank(clv_text text) {
  for (size_t i = 0; i < text.n; i++)
    if (text.at[i] != ' ' && text.at[i] != '\t') return false;
  return true;
}

clv_status clv_table_column_set(clv_table_column *self, size_t row, clv_text text) {
  clv_status st    = CLV_OK;
  double     value = NAN;
  uint32_t   code  = LEVEL_MISSING;
  CLV_TRY(room_make(self, row));
  if (!is_blank(text)) {
    if (!clv_csv_number(text.at, text.n, &value) || fabs(value) > NUMBER_MAX) value = NAN;
    code = clv_id_table_find(self->level, text.at, text.n);
    if (code == CLV_ID_NONE && clv_id_table_n(self->level) == CLV_LABEL_N_MAX)
      code = LEVEL_LOST;
    else if (code == CLV_ID_NONE)
      CLV_TRY(clv_id_table_add(self->level, text.at, text.n, &code));
  }
  self->code[row]   = code;
  self->number[row] = value;
out:
  return st;
}

bool clv_table_column_is_missing(const clv_table_column *self, size_t row) {
  return row == CLV_ROW_NONE || self->code[row] == LEVEL_MISSING;
}

/* What other programs write for a number that is none, or for one too large to be summed exactly. */
static bool is_odd(const clv_table_column *self, size_t row) {
  char        text[CLV_LABEL_MAX + 1], *end;
  size_t      n;
  const char *level =
      self->code[row] == LEVEL_LOST ? NULL : clv_id_table_get(self->level, self->code[row], &n);
  if (level == NULL || n > CLV_LABEL_MAX) return false;
  memcpy(text, level, n);
  text[n] = '\0';
  (void)strtod(text, &end);
  return end != text && *end == '\0';
}

void clv_table_column_use(clv_table_column *self, size_t row) {
  if (clv_table_column_is_missing(self, row)) {
    self->n_missing++;
    return;
  }
  if (self->code[row] != LEVEL_LOST)
    self->n_use[self->code[row]]++;
  else
    self->has_lost = true;
  if (isnan(self->number[row])) {
    self->is_number = false;
    self->has_odd   = self->has_odd || is_odd(self, row);
    return;
  }
  self->has_other = self->has_other || (self->number[row] != 0.0 && self->number[row] != 1.0);
  self->least     = fmin(self->least, self->number[row]);
  self->most      = fmax(self->most, self->number[row]);
  self->n_known++;
  clv_exact_sum_add_at(self->sum, 0, self->number[row]);
}

/* The labels in use on this rank, each with its zero. */
static clv_status labels_pack(const clv_table_column *self, char **bytes, size_t *n) {
  clv_status st   = CLV_OK;
  size_t     room = 0, length;
  *n              = 0;
  for (size_t i = 0; i < clv_id_table_n(self->level); i++) {
    clv_id_table_get(self->level, i, &length);
    if (self->n_use[i] > 0) room += length + 1;
  }
  CLV_TRY(clv_alloc(room + 1, 1, (void **)bytes));
  for (size_t i = 0; i < clv_id_table_n(self->level); i++) {
    const char *text = clv_id_table_get(self->level, i, &length);
    if (self->n_use[i] == 0) continue;
    memcpy(*bytes + *n, text, length);
    (*bytes)[*n + length] = '\0';
    *n += length + 1;
  }
out:
  return st;
}

static clv_status too_many_labels(const clv_table_column *self) {
  return clv_fail(CLV_EDATA, "column '%s' of the customer table has more than %u labels; %s", self->name,
                  CLV_LABEL_N_MAX,
                  self->use == CLV_TABLE_SEGMENT ? "a segment is a group of customers: use a coarser column"
                                                 : "if it should hold numbers, some do not");
}

static clv_status label_add(clv_table_column *self, const char *text, size_t n) {
  clv_status st    = CLV_OK;
  char      *label = NULL;
  if (self->n_label == CLV_LABEL_N_MAX) return too_many_labels(self);
  CLV_TRY(clv_alloc(n + 1, 1, (void **)&label));
  memcpy(label, text, n);
  label[n] = '\0';
  CLV_TRY(clv_realloc(self->n_label + 1, sizeof *self->label, (void **)&self->label));
  self->label[self->n_label++] = label;
  label                        = NULL;
out:
  free(label);
  return st;
}

/* All ranks' labels, sorted, each once; the missing one behind them. */
static clv_status labels_fill(clv_table_column *self, const char *all, size_t total, bool uses_missing) {
  clv_status      st   = CLV_OK;
  clv_keyed_rows *rows = NULL;
  CLV_TRY(clv_keyed_rows_new(1, &rows));
  for (const char *p = all; p < all + total; p += strlen(p) + 1)
    if (strcmp(p, CLV_LABEL_MISSING) != 0) CLV_TRY(clv_keyed_rows_add(rows, p, strlen(p), ""));
  CLV_TRY(clv_keyed_rows_sort(rows));
  for (size_t i = 0; i < clv_keyed_rows_n(rows); i++) {
    size_t      n;
    const char *text = clv_keyed_rows_key(rows, i, &n);
    if (self->n_label > 0 && strlen(self->label[self->n_label - 1]) == n &&
        memcmp(self->label[self->n_label - 1], text, n) == 0)
      continue;
    CLV_TRY(label_add(self, text, n));
  }
  self->label_missing = (uint32_t)self->n_label;
  if (uses_missing) CLV_TRY(label_add(self, CLV_LABEL_MISSING, strlen(CLV_LABEL_MISSING)));
out:
  clv_keyed_rows_free(&rows);
  return st;
}

static int label_order(const void *key, const void *label) { return strcmp(key, *(char *const *)label); }

/* From this rank's texts to the labels of all. The missing label lies outside the sorted ones. */
static clv_status labels_map(clv_table_column *self) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_alloc(clv_id_table_n(self->level) + 1, sizeof *self->label_of, (void **)&self->label_of));
  for (size_t i = 0; i < clv_id_table_n(self->level); i++) {
    char        text[CLV_LABEL_MAX + 1];
    size_t      n;
    char      **found;
    const char *level = clv_id_table_get(self->level, i, &n);
    self->label_of[i] = self->label_missing;
    if (self->n_use[i] == 0) continue;
    memcpy(text, level, n);
    text[n] = '\0';
    if (strcmp(text, CLV_LABEL_MISSING) == 0) continue;
    found = bsearch(text, self->label, self->label_missing, sizeof *self->label, label_order);
    CLV_CHECK(found != NULL);
    self->label_of[i] = (uint32_t)(found - self->label);
  }
out:
  return st;
}

static bool literal_missing_is_used(const clv_table_column *self) {
  const uint32_t i = clv_id_table_find(self->level, CLV_LABEL_MISSING, strlen(CLV_LABEL_MISSING));
  return i != CLV_ID_NONE && self->n_use[i] > 0;
}

static clv_status levels_check(const clv_table_column *self) {
  if (self->n_label < 2)
    return clv_fail(CLV_EDATA,
                    "covariate '%s' is the same for every customer; take it out of customers.covariates",
                    self->name);
  if (self->n_label > CLV_LEVEL_N_MAX)
    return clv_fail(CLV_EDATA,
                    "covariate '%s' has %zu levels, at most %u are allowed: group them, or make it the "
                    "customers.segment; if it should hold numbers, some of its values are none",
                    self->name, self->n_label, CLV_LEVEL_N_MAX);
  return CLV_OK;
}

/* The most frequent label over all ranks, of several the first. Collective. */
static void reference_find(clv_table_column *self, const clv_comm *comm) {
  int64_t count[CLV_LEVEL_N_MAX] = {0};
  for (size_t i = 0; i < clv_id_table_n(self->level); i++) /* a level that is used has a label */
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.ArraySubscript) */
    if (self->n_use[i] > 0) count[self->label_of[i]] += (int64_t)self->n_use[i];
  if (self->label_missing < self->n_label) count[self->label_missing] += (int64_t)self->n_missing;
  clv_comm_sum_i64(comm, count, self->n_label);
  for (uint32_t i = 1; i < self->n_label; i++)
    if (count[i] > count[self->reference]) self->reference = i;
}

static clv_status labels_settle(clv_table_column *self, const clv_comm *comm, bool has_lost) {
  clv_status st   = CLV_OK;
  char      *mine = NULL;
  void      *all  = NULL;
  size_t     n = 0, total = 0;
  int64_t    missing = self->n_missing > 0 || literal_missing_is_used(self);
  if (has_lost) st = too_many_labels(self);
  if (st == CLV_OK) st = labels_pack(self, &mine, &n);
  CLV_TRY(clv_comm_agree(comm, st));
  clv_comm_max_i64(comm, &missing, 1);
  CLV_TRY(clv_comm_allgatherv(comm, mine, n, &all, &total, NULL));
  st = labels_fill(self, all, total, missing != 0);
  if (st == CLV_OK) st = labels_map(self);
  if (st == CLV_OK && self->use != CLV_TABLE_SEGMENT) st = levels_check(self);
  CLV_TRY(clv_comm_agree(comm, st));
  if (self->use != CLV_TABLE_SEGMENT) reference_find(self, comm);
out:
  free(mine);
  free(all);
  return st;
}

static clv_status numbers_settle(clv_table_column *self, const clv_comm *comm) {
  clv_status st;
  double     total;
  clv_comm_min_f64(comm, &self->least, 1);
  clv_comm_max_f64(comm, &self->most, 1);
  clv_comm_sum_i64(comm, &self->n_known, 1);
  CLV_TRY(clv_exact_sum_total(self->sum, comm, &total));
  if (self->n_known == 0)
    CLV_TRY(clv_fail(
        CLV_EDATA,
        "covariate '%s' has no value for any customer of the log; take it out of customers.covariates",
        self->name));
  if (!(self->least < self->most))
    CLV_TRY(clv_fail(CLV_EDATA,
                     "covariate '%s' is the same for every customer; take it out of customers.covariates",
                     self->name));
  self->mean = total / (double)self->n_known;
out:
  return st;
}

clv_status clv_table_column_settle(clv_table_column *self, const clv_comm *comm) {
  int64_t any[5] = {!self->is_number, self->has_lost, self->has_other, self->has_odd, self->n_known > 0};
  clv_comm_max_i64(comm, any, 5);
  self->is_number = self->use == CLV_TABLE_ANY && any[0] == 0;
  self->has_other = any[2] != 0;
  if (self->use == CLV_TABLE_ANY && any[3] != 0 && any[4] != 0)
    return clv_fail(
        CLV_EDATA,
        "covariate '%s' has nan, inf or a number beyond 1e15 beside its numbers; leave such values "
        "empty (customers.missing says what becomes of them), or list it in customers.categorical",
        self->name);
  return self->is_number ? numbers_settle(self, comm) : labels_settle(self, comm, any[1] != 0);
}

size_t clv_table_column_n_label(const clv_table_column *self) { return self->n_label; }

const char *const *clv_table_column_labels(const clv_table_column *self) {
  return (const char *const *)self->label;
}

uint32_t clv_table_column_code(const clv_table_column *self, size_t row) {
  return clv_table_column_is_missing(self, row) ? self->label_missing : self->label_of[self->code[row]];
}

size_t clv_table_column_n_value(const clv_table_column *self) {
  return self->is_number ? 1 : self->n_label - 1;
}

clv_status clv_table_column_value_name(const clv_table_column *self, size_t i, char **out) {
  const char  *label = self->is_number ? "" : self->label[i + (i >= self->reference)];
  const size_t room  = strlen(self->name) + strlen(label) + 3;
  clv_status   st    = clv_alloc(room, 1, (void **)out);
  if (st == CLV_OK && self->is_number) snprintf(*out, room, "%s", self->name);
  if (st == CLV_OK && !self->is_number) snprintf(*out, room, "%s=%s", self->name, label);
  return st;
}

void clv_table_column_values(const clv_table_column *self, size_t row, double *value) {
  if (self->is_number) {
    *value = clv_table_column_is_missing(self, row) ? self->mean : self->number[row];
    return;
  }
  const uint32_t code = clv_table_column_code(self, row);
  for (uint32_t i = 0; i < self->n_label; i++)
    if (i != self->reference) *value++ = code == i ? 1.0 : 0.0;
}

clv_value_range clv_table_column_range(const clv_table_column *self) {
  const bool is_indicator = !self->is_number || !self->has_other;
  if (is_indicator) return (clv_value_range){.is_indicator = true, .center = 0.0, .spread = 1.0};
  return (clv_value_range){.center = self->mean,
                           .spread = fmax(self->most - self->mean, self->mean - self->least)};
}
