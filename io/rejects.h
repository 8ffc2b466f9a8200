#ifndef CLV_IO_REJECTS_H
#define CLV_IO_REJECTS_H

#include "io/csv.h"
#include "io/csv_files.h"

/** Why a row is not used. */
typedef enum clv_reject {
  CLV_REJECT_TOO_LONG, /* in the order of clv_csv_defect, without SOUND and UNCLOSED */
  CLV_REJECT_NUL,
  CLV_REJECT_QUOTE,
  CLV_REJECT_FIELDS,
  CLV_REJECT_NO_ID,
  CLV_REJECT_ID_LONG,
  CLV_REJECT_ID_CONTROL,
  CLV_REJECT_TIME,
  CLV_REJECT_NO_SUCH_TIME,
  CLV_REJECT_AMOUNT,
  CLV_REJECT_AMOUNT_RANGE,
  CLV_REJECT_VALUE,
  CLV_REJECT_LAST_BAD = CLV_REJECT_VALUE, /* up to here the row is bad; from here a policy set it aside */
  CLV_REJECT_RETURN,
  CLV_REJECT_ZERO,
  CLV_REJECT_DUPLICATE,
  CLV_REJECT_SAME_CUSTOMER, /* of the customer table */
  CLV_REJECT_N
} clv_reject;

/** The rows that are not used, each with its file, line and reason. */
typedef struct clv_rejects clv_rejects;

/** A word for the data report / a phrase for people. Not collective. */
const char *clv_reject_word(clv_reject reason);
const char *clv_reject_phrase(clv_reject reason);
/** The reason that goes with a record's defect. */
clv_reject clv_reject_of(clv_csv_defect defect);

/** @param first_table_file  files from this number on are the customer table's, those before it the log's */
clv_status clv_rejects_new(uint32_t first_table_file, clv_rejects **out);
uint32_t   clv_rejects_first_table_file(const clv_rejects *self);
void       clv_rejects_free(clv_rejects **self);

/** Not collective. @param file  number of the file, in an order that all ranks share */
clv_status clv_rejects_add(clv_rejects *self, uint32_t file, uint64_t line, clv_reject reason);

/** How many rows of the log and of the customer table, by reason. */
typedef struct clv_reject_count {
  int64_t log[CLV_REJECT_N], table[CLV_REJECT_N];
} clv_reject_count;

/** Bring all ranks' rows to rank 0, sorted by file and line, and count them. Collective, synchronising.
 *  @param mine  this rank's status so far; agreed upon first
 *  @param[out] count  over all ranks, on every rank */
clv_status clv_rejects_gather(clv_rejects *self, const clv_comm *comm, clv_status mine,
                              clv_reject_count *count);

/** After gathering, on rank 0: fail with the first row whose reason lies in [first, last], where there is
 * one. Not collective.
 *  @param key  the configuration key whose policy is to fail
 *  @param path  [file number] */
clv_status clv_rejects_fail(const clv_rejects *self, clv_reject first, clv_reject last, const char *key,
                            const char *const *path);

/** After gathering, on rank 0: write file,line,reason as CSV to `path`, and make it durable. Not collective.
 */
clv_status clv_rejects_write(const clv_rejects *self, const char *path, const char *const *file);

#endif
