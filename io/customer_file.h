#ifndef CLV_IO_CUSTOMER_FILE_H
#define CLV_IO_CUSTOMER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/comm.h"

/** An HDF5 file of columns over customers, as clv_predictions makes it, open for reading. */
typedef struct clv_customer_file clv_customer_file;

/** Collective over `comm`. @return CLV_EDATA naming the path where it is not such a file */
clv_status clv_customer_file_open(const clv_comm *comm, const char *path, clv_customer_file **out);
void       clv_customer_file_close(clv_customer_file **self); /* collective */

/** Customers of the file, and a text attribute, "" where it is absent. Borrowed; not collective. */
uint64_t    clv_customer_file_n(const clv_customer_file *self);
const char *clv_customer_file_text(clv_customer_file *self, const char *name);
bool        clv_customer_file_has(const clv_customer_file *self, const char *column);

/** Customers [first, first + n) of a column. Not collective: each rank reads what it wants. @param[out] value
 * [n] */
clv_status clv_customer_file_read(const clv_customer_file *self, const char *column, uint64_t first,
                                  uint64_t n, double *value);

#endif
