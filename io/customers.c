#include "io/customers.h"

#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"
#include "io/csv_scan.h"
#include "io/id_table.h"
#include "io/table_column.h"
#include "io/transactions.h"

#define ROUND_BYTES ((size_t)16 << 20) /* of CSV text, per rank, between two exchanges */

/* Where a row of the table stood. */
typedef struct place {
  uint64_t line;
  uint32_t file;
  uint32_t n_id; /* on the wire: length of the id that follows */
} place;

struct clv_customers {
  const clv_config   *config;  /* borrowed */
  clv_rejects        *rejects; /* borrowed until settled */
  bool                has_table, has_segment;
  clv_id_table       *ids;   /* owned; the row of each id */
  place              *where; /* owned, [rows] */
  size_t              where_room;
  clv_table_column  **column; /* owned, [n_column]: the segment where there is one, then the covariates */
  size_t              n_column;
  size_t              n_value; /* after settling: covariates as columns of numbers */
  char              **name;    /* owned, [n_value] */
  clv_customers_tally tally;
};

static const char *const ALL[1] = {"all"};

void clv_customers_free(clv_customers **self) {
  clv_customers *s = *self;
  if (s != NULL) {
    if (s->ids != NULL) clv_id_table_free(&s->ids);
    for (size_t i = 0; s->column != NULL && i < s->n_column; i++)
      if (s->column[i] != NULL) clv_table_column_free(&s->column[i]);
    for (size_t i = 0; s->name != NULL && i < s->n_value; i++) free(s->name[i]);
    free(s->column);
    free(s->name);
    free(s->where);
  }
  free(s);
  *self = NULL;
}

/* High bits of the hash: tables of ids use the low ones. */
int clv_customers_owner(const char *id, size_t n, int size) {
  return (int)(((__uint128_t)clv_hash(id, n) * (unsigned)size) >> 64);
}

static clv_table_use covariate_use(const clv_config *config, const char *name) {
  for (size_t i = 0; i < config->customers.categorical.n; i++)
    if (strcmp(config->customers.categorical.item[i], name) == 0) return CLV_TABLE_CATEGORIES;
  return CLV_TABLE_ANY;
}

static clv_status customers_new(const clv_config *config, clv_rejects *rejects, clv_customers **out) {
  clv_status     st   = CLV_OK;
  clv_customers *self = NULL;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->config      = config;
  self->rejects     = rejects;
  self->has_table   = config->customers.table != NULL;
  self->has_segment = self->has_table && config->customers.segment != NULL;
  self->n_column    = self->has_table ? config->customers.covariates.n + self->has_segment : 0;
  if (self->n_column + 1 > CLV_CSV_WANTED_MAX)
    CLV_TRY(clv_fail(CLV_EUSAGE, "customers.covariates names more than %u columns", CLV_CSV_WANTED_MAX - 2));
  CLV_TRY(clv_id_table_new(&self->ids));
  CLV_TRY(clv_calloc(self->n_column + 1, sizeof(clv_table_column *), (void **)&self->column));
  for (size_t i = 0; i < self->n_column; i++) {
    const bool  is_segment = self->has_segment && i == 0;
    const char *name =
        is_segment ? config->customers.segment : config->customers.covariates.item[i - self->has_segment];
    CLV_TRY(clv_table_column_new(name, is_segment ? CLV_TABLE_SEGMENT : covariate_use(config, name),
                                 &self->column[i]));
  }
  *out = self, self = NULL;
out:
  clv_customers_free(&self);
  return st;
}

/* A row on the wire: its place, the id, and for each column a length and the text. */
typedef struct packet {
  size_t n;
  char   bytes[sizeof(place) + 2 * CLV_CSV_RECORD_MAX];
} packet;

static void packet_put(packet *p, const void *bytes, size_t n) {
  CLV_CHECK(n <= sizeof p->bytes - p->n);
  memcpy(p->bytes + p->n, bytes, n);
  p->n += n;
}

static clv_reject value_check(clv_text text) {
  if (text.n > CLV_LABEL_MAX) return CLV_REJECT_VALUE;
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f) return CLV_REJECT_VALUE;
  return CLV_REJECT_N;
}

static clv_reject row_check(const clv_customers *self, const clv_csv_row *row) {
  clv_reject reason;
  if (row->defect != CLV_CSV_SOUND) return clv_reject_of(row->defect);
  reason = clv_transactions_id_check(row->field[0].at, row->field[0].n);
  for (size_t i = 0; i < self->n_column && reason == CLV_REJECT_N; i++)
    reason = value_check(row->field[i + 1]);
  return reason;
}

static clv_status row_send(clv_customers *self, const clv_comm *comm, const clv_csv_row *row, packet *p,
                           clv_shuffle *shuffle) {
  const clv_reject reason = row_check(self, row);
  const clv_text  *id     = &row->field[0];
  place            where  = {.line = row->line, .file = row->file};
  self->tally.rows++;
  if (reason != CLV_REJECT_N) return clv_rejects_add(self->rejects, row->file, row->line, reason);
  self->tally.accepted++;
  where.n_id = (uint32_t)id->n;
  p->n       = 0;
  packet_put(p, &where, sizeof where);
  packet_put(p, id->at, id->n);
  for (size_t i = 0; i < self->n_column; i++) {
    const uint8_t length = (uint8_t)row->field[i + 1].n; /* CLV_LABEL_MAX fits */
    packet_put(p, &length, sizeof length);
    packet_put(p, row->field[i + 1].at, length);
  }
  return clv_shuffle_add(shuffle, clv_customers_owner(id->at, id->n, clv_comm_size(comm)), p->bytes, p->n);
}

static clv_status where_reserve(clv_customers *self, size_t row) {
  clv_status st = CLV_OK;
  if (row < self->where_room) return CLV_OK;
  self->where_room = self->where_room == 0 ? 1024 : 2 * self->where_room;
  CLV_TRY(clv_realloc(self->where_room, sizeof *self->where, (void **)&self->where));
out:
  return st;
}

/* Of two rows of one customer the one that comes first in the files stays, in whatever order they arrive. */
static clv_status row_take(clv_customers *self, const char *p) {
  clv_status   st = CLV_OK;
  place        where, other;
  uint32_t     row;
  const size_t n_before = clv_id_table_n(self->ids);
  memcpy(&where, p, sizeof where);
  p += sizeof where;
  CLV_TRY(clv_id_table_add(self->ids, p, where.n_id, &row));
  p += where.n_id;
  CLV_TRY(where_reserve(self, row));
  if (row < n_before) {
    other               = self->where[row];
    const bool is_first = where.file < other.file || (where.file == other.file && where.line < other.line);
    if (!is_first) other = where;
    CLV_TRY(clv_rejects_add(self->rejects, other.file, other.line, CLV_REJECT_SAME_CUSTOMER));
    if (!is_first) goto out;
  }
  self->where[row] = where;
  for (size_t i = 0; i < self->n_column; i++) {
    const uint8_t length = (uint8_t)*p++;
    CLV_TRY(clv_table_column_set(self->column[i], row, (clv_text){p, length}));
    p += length;
  }
out:
  return st;
}

static clv_status round_read(clv_customers *self, const clv_comm *comm, clv_csv_scan *scan,
                             clv_shuffle *shuffle, bool *is_over) {
  clv_status  st    = CLV_OK;
  size_t      bytes = 0;
  packet     *p     = NULL;
  clv_csv_row row;
  CLV_TRY(clv_alloc(1, sizeof *p, (void **)&p));
  while (bytes < ROUND_BYTES) {
    const int got = clv_csv_scan_next(scan, &row);
    if (got < 0) CLV_TRY((clv_status)got);
    if (got == 0) {
      *is_over = true;
      break;
    }
    row.file += clv_rejects_first_table_file(self->rejects);
    bytes += row.bytes + 1;
    CLV_TRY(row_send(self, comm, &row, p, shuffle));
  }
out:
  free(p);
  return st;
}

static clv_status arrivals_take(clv_customers *self, const char *records, size_t bytes) {
  clv_status st = CLV_OK;
  for (const char *p = records, *end = records + bytes; p < end;) {
    uint32_t n;
    memcpy(&n, p, sizeof n);
    p += sizeof n;
    CLV_TRY(row_take(self, p));
    p += n;
  }
out:
  return st;
}

static clv_status rounds_run(clv_customers *self, const clv_reading *r, clv_csv_scan *scan,
                             clv_shuffle *shuffle) {
  clv_status st = CLV_OK, mine = CLV_OK;
  bool       is_over = false;
  int64_t    more    = 1;
  while (more > 0) {
    const void *records = NULL;
    size_t      bytes   = 0;
    if (mine == CLV_OK && !is_over) mine = round_read(self, r->comm, scan, shuffle, &is_over);
    if (mine == CLV_OK && r->stop != NULL) mine = r->stop();
    CLV_TRY(clv_shuffle_exchange(shuffle, mine, &records, &bytes));
    mine = arrivals_take(self, records, bytes);
    more = is_over ? 0 : 1;
    clv_comm_sum_i64(r->comm, &more, 1);
  }
  CLV_TRY(clv_comm_agree(r->comm, mine));
out:
  return st;
}

static clv_status table_read(clv_customers *self, const clv_reading *r) {
  clv_status        st      = CLV_OK;
  clv_csv_scan     *scan    = NULL;
  clv_shuffle      *shuffle = NULL;
  clv_csv_column    column[CLV_CSV_WANTED_MAX];
  const clv_config *config = self->config;
  column[0]                = (clv_csv_column){"customers.columns.customer", config->customers.customer};
  if (self->has_segment) column[1] = (clv_csv_column){"customers.segment", config->customers.segment};
  for (size_t i = self->has_segment; i < self->n_column; i++)
    column[i + 1] =
        (clv_csv_column){"customers.covariates", config->customers.covariates.item[i - self->has_segment]};
  CLV_TRY(clv_csv_scan_new(r->comm, r->files, column, self->n_column + 1, &scan));
  CLV_TRY(clv_comm_agree(r->comm, clv_shuffle_new(r->comm, &shuffle)));
  CLV_TRY(rounds_run(self, r, scan, shuffle));
out:
  clv_csv_scan_free(&scan);
  clv_shuffle_free(&shuffle);
  return st;
}

clv_status clv_customers_read(const clv_reading *r, clv_customers **out) {
  clv_status     st;
  clv_customers *self = NULL;
  CLV_TRY(clv_comm_agree(r->comm, customers_new(r->config, r->rejects, &self)));
  if (self->has_table) CLV_TRY(table_read(self, r));
  *out = self, self = NULL;
out:
  clv_customers_free(&self);
  return st;
}

static size_t row_find(const clv_customers *self, const char *id, size_t n) {
  const uint32_t row = self->has_table ? clv_id_table_find(self->ids, id, n) : CLV_ID_NONE;
  return row == CLV_ID_NONE ? CLV_ROW_NONE : row;
}

bool clv_customers_join(clv_customers *self, const char *id, size_t n) {
  const size_t row        = row_find(self, id, n);
  bool         is_missing = false;
  clv_policy   policy     = CLV_KEEP;
  if (!self->has_table) return true;
  if (row == CLV_ROW_NONE) {
    self->tally.unknown++;
    policy = self->config->customers.unknown_ids;
  } else {
    self->tally.joined++;
    for (size_t i = 0; i < self->n_column; i++)
      is_missing |= clv_table_column_is_missing(self->column[i], row);
    if (is_missing) {
      self->tally.missing++;
      policy = self->config->customers.missing;
    }
  }
  if (policy == CLV_DROP) {
    self->tally.set_aside++;
    return false;
  }
  for (size_t i = 0; i < self->n_column; i++) clv_table_column_use(self->column[i], row);
  return true;
}

static clv_status policies_check(const clv_customers *self) {
  const clv_customers_tally *t = &self->tally;
  if (t->unknown > 0 && self->config->customers.unknown_ids == CLV_FAIL)
    return clv_fail(CLV_EDATA,
                    "%lld customers of the log are not in the customer table '%s'; complete it, or set "
                    "customers.unknown_ids: "
                    "keep (as " CLV_LABEL_MISSING ") or drop",
                    (long long)t->unknown, self->config->customers.table);
  if (t->missing > 0 && self->config->customers.missing == CLV_FAIL)
    return clv_fail(CLV_EDATA,
                    "%lld customers have an empty value in the customer table '%s'; fill it in, or set "
                    "customers.missing: keep "
                    "(as " CLV_LABEL_MISSING " or the mean) or drop",
                    (long long)t->missing, self->config->customers.table);
  return CLV_OK;
}

static void tally_share(clv_customers *self, const clv_comm *comm) {
  clv_customers_tally *t       = &self->tally;
  const int64_t        in_log  = t->joined;
  int64_t              sums[7] = {
                   t->rows,    t->accepted, t->joined, t->unknown, (int64_t)clv_id_table_n(self->ids) - in_log,
                   t->missing, t->set_aside};
  clv_comm_sum_i64(comm, sums, 7);
  *t = (clv_customers_tally){.rows        = sums[0],
                             .accepted    = sums[1],
                             .joined      = sums[2],
                             .unknown     = sums[3],
                             .without_log = sums[4],
                             .missing     = sums[5],
                             .set_aside   = sums[6]};
}

/* Names of the covariates as columns of numbers. */
static clv_status names_make(clv_customers *self) {
  clv_status st = CLV_OK;
  size_t     n  = 0;
  for (size_t i = self->has_segment; i < self->n_column; i++) n += clv_table_column_n_value(self->column[i]);
  if (n > CLV_COVARIATE_MAX)
    CLV_TRY(
        clv_fail(CLV_EDATA,
                 "customers.covariates make %zu columns of numbers, one for each level but the reference of "
                 "what is no number; at most %u are allowed",
                 n, CLV_COVARIATE_MAX));
  CLV_TRY(clv_calloc(n + 1, sizeof *self->name, (void **)&self->name));
  for (size_t i = self->has_segment; i < self->n_column; i++)
    for (size_t k = 0; k < clv_table_column_n_value(self->column[i]); k++)
      CLV_TRY(clv_table_column_value_name(self->column[i], k, &self->name[self->n_value++]));
out:
  return st;
}

clv_status clv_customers_settle(clv_customers *self, const clv_comm *comm, clv_status mine) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_comm_agree(comm, mine));
  tally_share(self, comm);
  CLV_TRY(policies_check(self)); /* the same on every rank */
  if (self->tally.joined + self->tally.unknown == self->tally.set_aside)
    goto out; /* nobody is left to have values */
  for (size_t i = 0; i < self->n_column; i++) CLV_TRY(clv_table_column_settle(self->column[i], comm));
  CLV_TRY(clv_comm_agree(comm, names_make(self)));
out:
  self->rejects = NULL;
  return st;
}

size_t clv_customers_n_segment(const clv_customers *self) {
  return self->has_segment ? clv_table_column_n_label(self->column[0]) : 1;
}

const char *const *clv_customers_segments(const clv_customers *self) {
  return self->has_segment ? clv_table_column_labels(self->column[0]) : ALL;
}

size_t clv_customers_n_covariate(const clv_customers *self) { return self->n_value; }

clv_covariate clv_customers_covariate(const clv_customers *self, size_t i, bool *is_indicator) {
  size_t k = self->has_segment, before = 0;
  while (i - before >= clv_table_column_n_value(self->column[k]))
    before += clv_table_column_n_value(self->column[k++]);
  const clv_value_range range = clv_table_column_range(self->column[k]);
  *is_indicator               = range.is_indicator;
  return (clv_covariate){.name = self->name[i], .center = range.center, .scale = range.spread};
}

const clv_customers_tally *clv_customers_tally_get(const clv_customers *self) { return &self->tally; }

void clv_customers_values(const clv_customers *self, const char *id, size_t n, uint32_t *segment,
                          double *covariate) {
  const size_t row = row_find(self, id, n);
  *segment         = self->has_segment ? clv_table_column_code(self->column[0], row) : 0;
  for (size_t i = self->has_segment; i < self->n_column; i++) {
    clv_table_column_values(self->column[i], row, covariate);
    covariate += clv_table_column_n_value(self->column[i]);
  }
}
