# cmake --install: the libraries, public headers under <papillon/...>, find_package(papillon), pkg-config.
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY PAPILLON_LAYERS)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/papillon")

foreach(layer IN LISTS layers)
  install(TARGETS papillon_${layer} EXPORT papillon-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} NAMELINK_COMPONENT development
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  get_target_property(folder papillon_${layer} SOURCE_DIR)
  cmake_path(RELATIVE_PATH folder BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE place)
  install(DIRECTORY "${folder}/"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/papillon/${place}" COMPONENT development
    FILES_MATCHING PATTERN "*.hpp" PATTERN internal EXCLUDE)
endforeach()
install(FILES "${PAPILLON_INCLUDE_DIR}/papillon/papillon.hpp"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/papillon" COMPONENT development)
install(TARGETS papillon_lorenz papillon_all EXPORT papillon-targets)
install(EXPORT papillon-targets NAMESPACE papillon:: DESTINATION ${package_dir}
  COMPONENT development)

configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/papillon-config.cmake.in"
  "${PROJECT_BINARY_DIR}/papillon-config.cmake"
  INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may change interfaces.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/papillon-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/papillon-config.cmake"
  "${PROJECT_BINARY_DIR}/papillon-config-version.cmake"
  DESTINATION ${package_dir} COMPONENT development)

# pkg-config: the libraries from the top down, as a linker of static ones wants them. What only our
# own sources need is private, unless the libraries are static: then every program links it.
set(PC_LIBS "")
foreach(layer IN LISTS layers)
  string(PREPEND PC_LIBS " -lpapillon_${layer}")
endforeach()
set(PC_BLAS "")
set(blas_libraries ${LAPACK_LIBRARIES} ${LAPACK_LINKER_FLAGS} ${BLAS_LIBRARIES} ${BLAS_LINKER_FLAGS})
list(REMOVE_DUPLICATES blas_libraries)
foreach(library IN LISTS blas_libraries)
  if(library MATCHES "^(/.*)/lib([^/]+)\\.(so|a)$")
    if(NOT CMAKE_MATCH_1 IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
      string(APPEND PC_BLAS " -L${CMAKE_MATCH_1}")
    endif()
    set(library "-l${CMAKE_MATCH_2}")
  endif()
  string(APPEND PC_BLAS " ${library}")
endforeach()
if(BUILD_SHARED_LIBS)
  set(PC_REQUIRES "\nRequires.private: fmt")
  set(PC_LIBS "${PC_LIBS} -pthread\nLibs.private:${PC_BLAS}")
else()
  set(PC_REQUIRES " fmt")
  set(PC_LIBS "${PC_LIBS} -pthread${PC_BLAS}")
endif()
set(pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH PC_PREFIX "/p/${pc_dir}" "/p")
string(REGEX REPLACE "/$" "" PC_PREFIX "${PC_PREFIX}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/papillon.pc.in" "${PROJECT_BINARY_DIR}/papillon.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/papillon.pc" DESTINATION ${pc_dir} COMPONENT development)

# An installed program finds the libraries beside it, wherever the tree was put.
if(TARGET papillon_cli)
  file(RELATIVE_PATH bin_to_lib "/p/${CMAKE_INSTALL_BINDIR}" "/p/${CMAKE_INSTALL_LIBDIR}")
  set_target_properties(papillon_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${bin_to_lib}")
endif()
