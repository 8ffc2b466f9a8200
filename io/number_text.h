#ifndef CLV_IO_NUMBER_TEXT_H
#define CLV_IO_NUMBER_TEXT_H

#include <stddef.h>

enum { CLV_NUMBER_TEXT_MOST = 32 };

/** What printf's "%.10g" writes, several times faster: tables of results are mostly digits. Not collective.
 *  @param[out] to  [CLV_NUMBER_TEXT_MOST], not ended by a NUL  @return its length */
size_t clv_number_text(double value, char *to);

#endif
