#ifndef CLV_IO_TRANSACTIONS_H
#define CLV_IO_TRANSACTIONS_H

#include <stdbool.h>

#include "io/ledger.h"
#include "io/reading.h"

/** Longest customer id, in bytes. */
#define CLV_ID_MAX 255u

/** What was read, over all ranks. */
typedef struct clv_transactions_tally {
  int64_t rows;        /* without headers and blank lines */
  int64_t accepted;    /* rows that went into the ledger */
  int64_t blank;       /* blank lines */
  int64_t returns;     /* rows with a negative amount, whatever the policy */
  int64_t zeros;       /* rows with an amount of zero */
  int64_t first, last; /* earliest and latest accepted time; INT64_MAX, INT64_MIN where no row was accepted */
} clv_transactions_tally;

/** Read the log; each customer's purchases go to the ledger of the rank that owns the id. Memory beside the
 * ledger is bounded. Collective, synchronising.
 *  @param r  files of the log; file numbers in its rejects are theirs
 *  @param ledger  open, empty; made with keep_rows where config->data.duplicates asks for it
 * (clv_transactions_keep_rows) */
clv_status clv_transactions_read(const clv_reading *r, clv_ledger *ledger, clv_transactions_tally *tally);

/** Whether the policy for duplicates needs each purchase's row. Not collective. */
bool clv_transactions_keep_rows(const clv_config *config);

/** What is wrong with an id, or CLV_REJECT_N. Not collective. */
clv_reject clv_transactions_id_check(const char *id, size_t n);

#endif
