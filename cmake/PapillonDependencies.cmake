# What the library needs. Imported targets belong to the directory that finds them, so all are found
# here, at the top.
find_package(xtl REQUIRED)
find_package(xtensor REQUIRED)
find_package(fmt REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(BLAS REQUIRED)
find_package(LAPACK REQUIRED)
