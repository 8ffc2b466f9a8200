#include "io/transactions.h"

#include <math.h>
#include <string.h>

#include "comm/shuffle.h"
#include "io/csv_number.h"
#include "io/csv_scan.h"
#include "io/customers.h"
#include "io/time_format.h"

#define ROUND_BYTES ((size_t)32 << 20) /* of CSV text, per rank, between two exchanges */
#define AMOUNT_MAX 1e15

enum { COLUMN_CUSTOMER, COLUMN_TIME, COLUMN_AMOUNT, COLUMN_MOST };

/* One purchase on its way to its owner; the id follows. */
typedef struct packet {
  clv_purchase     purchase;
  clv_purchase_row row; /* sent only where rows are kept */
  char             id[CLV_ID_MAX];
} packet;

/* The reading of a log. */
typedef struct intake {
  const clv_reading      *from; /* borrowed, as all below but the last three */
  clv_ledger             *ledger;
  clv_transactions_tally *tally;
  bool                    keep_rows;
  clv_csv_scan           *scan;    /* owned */
  clv_time_format        *format;  /* owned */
  clv_shuffle            *shuffle; /* owned */
} intake;

bool clv_transactions_keep_rows(const clv_config *config) {
  return config->data.duplicates == CLV_DROP || config->data.duplicates == CLV_FAIL;
}

clv_reject clv_transactions_id_check(const char *id, size_t n) {
  bool is_blank = true;
  if (n > CLV_ID_MAX) return CLV_REJECT_ID_LONG;
  for (size_t i = 0; i < n; i++) {
    const unsigned char c = (unsigned char)id[i];
    if (c < 0x20 || c == 0x7f) return CLV_REJECT_ID_CONTROL;
    is_blank &= c == ' ';
  }
  return is_blank ? CLV_REJECT_NO_ID : CLV_REJECT_N;
}

static clv_reject amount_check(const intake *in, const clv_text *text, double *amount) {
  const clv_policy returns = in->from->config->data.returns, zeros = in->from->config->data.zero_amounts;
  if (!clv_csv_number(text->at, text->n, amount)) return CLV_REJECT_AMOUNT;
  if (fabs(*amount) > AMOUNT_MAX) return CLV_REJECT_AMOUNT_RANGE;
  if (*amount < 0.0) {
    in->tally->returns++;
    if (returns == CLV_DROP || returns == CLV_FAIL) return CLV_REJECT_RETURN;
  } else if (*amount == 0.0) {
    *amount = 0.0; /* not -0 */
    in->tally->zeros++;
    if (zeros == CLV_DROP || zeros == CLV_FAIL) return CLV_REJECT_ZERO;
  }
  return CLV_REJECT_N;
}

/* CLV_REJECT_N where the row is a purchase. */
static clv_reject row_read(const intake *in, const clv_csv_row *row, clv_purchase *purchase) {
  const clv_text *f = row->field;
  clv_reject      reason;
  clv_time_result when;
  if (row->defect != CLV_CSV_SOUND) return clv_reject_of(row->defect);
  reason = clv_transactions_id_check(f[COLUMN_CUSTOMER].at, f[COLUMN_CUSTOMER].n);
  if (reason != CLV_REJECT_N) return reason;
  when = clv_time_format_parse(in->format, f[COLUMN_TIME].at, f[COLUMN_TIME].n, &purchase->time, NULL);
  if (when == CLV_TIME_SHAPE) return CLV_REJECT_TIME;
  if (when == CLV_TIME_NO_SUCH) return CLV_REJECT_NO_SUCH_TIME;
  purchase->amount = 0.0;
  if (in->from->config->data.amount == NULL) return CLV_REJECT_N;
  return amount_check(in, &f[COLUMN_AMOUNT], &purchase->amount);
}

static clv_status purchase_route(intake *in, const clv_csv_row *row, const clv_purchase *purchase) {
  const clv_text *id    = &row->field[COLUMN_CUSTOMER];
  const int       owner = clv_customers_owner(id->at, id->n, clv_comm_size(in->from->comm));
  const size_t    head  = in->keep_rows ? offsetof(packet, id) : offsetof(packet, row);
  packet          p     = {.purchase = *purchase};
  if (in->keep_rows) p.row = (clv_purchase_row){clv_csv_scan_row_hash(in->scan), row->line, row->file};
  if (owner == clv_comm_rank(in->from->comm))
    return clv_ledger_add(in->ledger, id->at, id->n, purchase, in->keep_rows ? &p.row : NULL);
  memcpy((char *)&p + head, id->at, id->n);
  return clv_shuffle_add(in->shuffle, owner, &p, head + id->n);
}

static clv_status row_take(intake *in, const clv_csv_row *row) {
  clv_purchase     purchase = {0};
  const clv_reject reason   = row_read(in, row, &purchase);
  in->tally->rows++;
  if (reason != CLV_REJECT_N) return clv_rejects_add(in->from->rejects, row->file, row->line, reason);
  in->tally->accepted++;
  if (purchase.time < in->tally->first) in->tally->first = purchase.time;
  if (purchase.time > in->tally->last) in->tally->last = purchase.time;
  return purchase_route(in, row, &purchase);
}

/* Up to a round's worth of this rank's rows. */
static clv_status round_read(intake *in, bool *is_over) {
  clv_status  st    = CLV_OK;
  size_t      bytes = 0;
  clv_csv_row row;
  while (bytes < ROUND_BYTES) {
    const int got = clv_csv_scan_next(in->scan, &row);
    if (got < 0) return (clv_status)got;
    if (got == 0) {
      *is_over = true;
      break;
    }
    bytes += row.bytes + 1;
    CLV_TRY(row_take(in, &row));
  }
out:
  return st;
}

static clv_status arrivals_take(const intake *in, const char *records, size_t bytes) {
  clv_status   st   = CLV_OK;
  const size_t head = in->keep_rows ? offsetof(packet, id) : offsetof(packet, row);
  for (const char *p = records, *end = records + bytes; p < end;) {
    uint32_t n;
    packet   one;
    memcpy(&n, p, sizeof n);
    p += sizeof n;
    memcpy(&one, p, head);
    CLV_TRY(clv_ledger_add(in->ledger, p + head, n - head, &one.purchase, in->keep_rows ? &one.row : NULL));
    p += n;
  }
out:
  return st;
}

/* Read and exchange in turns until no rank has more. Collective. */
static clv_status rounds_run(intake *in) {
  clv_status st      = CLV_OK;
  clv_status mine    = CLV_OK;
  bool       is_over = false;
  int64_t    more    = 1;
  while (more > 0) {
    const void *records = NULL;
    size_t      bytes   = 0;
    if (mine == CLV_OK && !is_over) mine = round_read(in, &is_over);
    if (mine == CLV_OK && in->from->stop != NULL) mine = in->from->stop();
    CLV_TRY(clv_shuffle_exchange(in->shuffle, mine, &records, &bytes));
    mine = arrivals_take(in, records, bytes);
    more = is_over ? 0 : 1;
    clv_comm_sum_i64(in->from->comm, &more, 1);
  }
  CLV_TRY(clv_comm_agree(in->from->comm, mine));
out:
  return st;
}

static void tally_share(const clv_comm *comm, clv_transactions_tally *t) {
  int64_t sums[5] = {t->rows, t->accepted, t->blank, t->returns, t->zeros};
  int64_t most[2] = {-t->first, t->last};
  clv_comm_sum_i64(comm, sums, 5);
  clv_comm_max_i64(comm, most, 2);
  *t = (clv_transactions_tally){.rows     = sums[0],
                                .accepted = sums[1],
                                .blank    = sums[2],
                                .returns  = sums[3],
                                .zeros    = sums[4],
                                .first    = -most[0],
                                .last     = most[1]};
}

static clv_status intake_open(intake *in, clv_csv_column column[COLUMN_MOST]) {
  clv_status   st         = CLV_OK;
  const size_t n_column   = in->from->config->data.amount == NULL ? COLUMN_AMOUNT : COLUMN_MOST;
  column[COLUMN_CUSTOMER] = (clv_csv_column){"data.columns.customer", in->from->config->data.customer};
  column[COLUMN_TIME]     = (clv_csv_column){"data.columns.time", in->from->config->data.time};
  column[COLUMN_AMOUNT]   = (clv_csv_column){"data.columns.amount", in->from->config->data.amount};
  st                      = clv_time_format_new(in->from->config->data.time_format, &in->format);
  if (st == CLV_OK) st = clv_shuffle_new(in->from->comm, &in->shuffle);
  CLV_TRY(clv_comm_agree(in->from->comm, st));
  CLV_TRY(clv_csv_scan_new(in->from->comm, in->from->files, column, n_column, &in->scan));
out:
  return st;
}

clv_status clv_transactions_read(const clv_reading *r, clv_ledger *ledger, clv_transactions_tally *tally) {
  clv_status             st    = CLV_OK;
  clv_transactions_tally count = {.first = INT64_MAX, .last = INT64_MIN};
  clv_csv_column         column[COLUMN_MOST];
  intake                 in = {
                      .from = r, .ledger = ledger, .tally = &count, .keep_rows = clv_transactions_keep_rows(r->config)};
  CLV_TRY(intake_open(&in, column));
  CLV_TRY(rounds_run(&in));
  count.blank = (int64_t)clv_csv_scan_blank_lines(in.scan);
  tally_share(r->comm, &count);
  *tally = count;
out:
  clv_csv_scan_free(&in.scan);
  clv_time_format_free(&in.format);
  clv_shuffle_free(&in.shuffle);
  return st;
}
