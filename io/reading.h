#ifndef CLV_IO_READING_H
#define CLV_IO_READING_H

#include "io/config.h"
#include "io/csv_files.h"
#include "io/rejects.h"

/** What the reading of a log or of a customer table is given. All borrowed. */
typedef struct clv_reading {
  const clv_comm      *comm;
  const clv_config    *config;
  const clv_csv_files *files;   /* NULL: there are none */
  clv_rejects         *rejects; /* rows that are not used are added on the rank that read them */
  /** Asked now and then, on each rank alone: what is not CLV_OK ends the reading on all ranks. NULL: nobody
   * asks. */
  clv_status (*stop)(void);
} clv_reading;

#endif
