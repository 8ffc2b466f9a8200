#ifndef CLV_IO_PREDICTIONS_H
#define CLV_IO_PREDICTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/comm.h"

/** A text attribute of the root of an HDF5 file. Borrowed. */
typedef struct clv_text_attribute {
  const char *name, *text;
} clv_text_attribute;

/** Where a table of customers is written: as predictions.csv and, column by column, as predictions.h5.
 * Everything is borrowed. */
typedef struct clv_predictions_plan {
  const char               *csv_path; /* NULL: columns only */
  const char               *h5_path;
  uint64_t                  n_customer;
  size_t                    n_column;
  const char *const        *column;    /* [n_column] names, behind customer_id */
  const char               *portfolio; /* content hash, an attribute of predictions.h5 */
  size_t                    n_attribute;
  const clv_text_attribute *attribute; /* [n_attribute] further ones */
} clv_predictions_plan;

/** Both files while they are written, under temporary names (docs/files.md). */
typedef struct clv_predictions clv_predictions;

/** Collective. @return CLV_EUSAGE or CLV_EIO naming the file */
clv_status clv_predictions_create(const clv_comm *comm, const clv_predictions_plan *plan,
                                  clv_predictions **out);

/** This rank's customers [first, first + n); over the ranks, and over calls, they follow each other without
 * gaps in the portfolio's order. Collective: a rank without rows passes n = 0.
 *  @param id, offset  ids of the customers, offset [n + 1]; unread without a CSV  @param value [n][n_column]
 */
clv_status clv_predictions_put(clv_predictions *self, uint64_t first, uint64_t n, const char *id,
                               const uint64_t *offset, const double *value);

/** A matrix [n_row][n_column] in group /draws, by rank 0: one kept customer's quantity. Collective; call
 * between the last put and commit.
 *  @param name  such as "clv"  @param value  on rank 0 */
clv_status clv_predictions_matrix(clv_predictions *self, const char *name, uint64_t n_row, uint64_t n_column,
                                  const double *value);

/** Open what clv_predictions_leave left, to go on behind the rows that it saved. Collective.
 *  @param at  what clv_predictions_save gave  @param[out] out  NULL where the files are not there or too
 * short */
clv_status clv_predictions_resume(const clv_comm *comm, const clv_predictions_plan *plan, int64_t at,
                                  clv_predictions **out);
/** Make the rows put so far durable, under the temporary names. Collective. @param[out] at  for resume */
clv_status clv_predictions_save(clv_predictions *self, int64_t *at);
/** Read rows back that were put before. Not collective. @param[out] value [n][n_column] */
clv_status clv_predictions_get(clv_predictions *self, uint64_t first, uint64_t n, double *value);
/** Close and keep the temporary files. Collective; leaves NULL. */
void clv_predictions_leave(clv_predictions **self);

/** Make both durable and give them their names. Collective; frees self whatever comes. */
clv_status clv_predictions_commit(clv_predictions **self, clv_status mine);

/** A field for CSV: quoted where RFC 4180 asks for it. Not collective. @param to  room for 2 n + 2 bytes
 * @return bytes written */
size_t clv_csv_quote(const char *text, size_t n, char *to);

#endif
