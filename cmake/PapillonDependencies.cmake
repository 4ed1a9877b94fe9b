# Dependencies of the library. Imported targets are visible in the directory that finds them and below, so
# they are found at the top. Public headers need only xtl, xtensor and threads.
find_package(xtl REQUIRED)
find_package(xtensor REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)

# Any BLAS with the C interface, and LAPACK (OpenBLAS is both). Some systems have OpenBLAS's cblas.h
# in a subfolder.
find_package(BLAS REQUIRED)
find_package(LAPACK REQUIRED)
find_path(PAPILLON_CBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas openblas-pthread REQUIRED)
mark_as_advanced(PAPILLON_CBLAS_INCLUDE_DIR)
