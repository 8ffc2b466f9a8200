#ifndef CLV_TESTS_UNIT_COMM_UNIT_H
#define CLV_TESTS_UNIT_COMM_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
