#ifndef CLV_IO_CSV_FILES_H
#define CLV_IO_CSV_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comm/comm.h"

typedef struct clv_csv_file {
  char    *path;  /* owned */
  uint64_t bytes; /* as stored */
  bool     is_gzip;
} clv_csv_file;

/** The files that patterns name: sorted by path, each once; the same list on every rank. */
typedef struct clv_csv_files clv_csv_files;

/** Expand patterns and look at each file's size and first bytes. Collective: rank 0 looks.
 *  @param key  the configuration key that named them, for messages
 *  @param pattern  [n_pattern] paths or globs
 *  @return CLV_EDATA for a missing, empty or unreadable file, CLV_EUSAGE for a gs:// address */
clv_status clv_csv_files_new(const clv_comm *comm, const char *key, char *const *pattern, size_t n_pattern,
                             clv_csv_files **out);
void       clv_csv_files_free(clv_csv_files **self);

size_t              clv_csv_files_n(const clv_csv_files *self);
const clv_csv_file *clv_csv_files_get(const clv_csv_files *self, size_t i);

/** A range of a plain file, or a whole gzip file. */
typedef struct clv_csv_piece {
  size_t   file;
  uint64_t begin, end; /* bytes as stored */
} clv_csv_piece;

/** What a rank of `size` reads: plain files, laid end to end, are cut into equal ranges; gzip files are dealt
 * whole, the largest first, each to the rank with the least so far. Not collective: a pure function of its
 * arguments.
 *  @param[out] piece  [*n] owned by the caller, in order of file */
clv_status clv_csv_files_deal(const clv_csv_files *self, int rank, int size, clv_csv_piece **piece,
                              size_t *n);

#endif
