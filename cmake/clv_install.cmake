# `cmake --install build`: the program, the headers under include/clv, a CMake package (find_package(clv)).
include(CMakePackageConfigHelpers)
