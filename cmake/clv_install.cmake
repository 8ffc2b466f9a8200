# `cmake --install build/release`: the program, the headers under include/clv, and a CMake package.
include(CMakePackageConfigHelpers)
install(TARGETS clv RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS clv_comm clv_engine clv_io clv_jobs EXPORT clv_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder comm engine io jobs)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/clv/${folder}
          FILES_MATCHING PATTERN "*.h" PATTERN "*.kernel.h" EXCLUDE)
endforeach()
# `#include <clv/plugin.h>`: all that a user's own model is compiled against.
install(FILES ${PROJECT_SOURCE_DIR}/cmake/plugin.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/clv)
install(FILES ${PROJECT_BINARY_DIR}/clv_build.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/clv OPTIONAL)
install(EXPORT clv_targets FILE clv-targets.cmake NAMESPACE clv:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/clv)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/clv-config.cmake.in ${PROJECT_BINARY_DIR}/clv-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/clv PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/clv-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/clv-config.cmake ${PROJECT_BINARY_DIR}/clv-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/clv)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
