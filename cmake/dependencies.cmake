# The libraries that every build needs. Each may be under a private prefix: CMAKE_PREFIX_PATH is searched first, by
# pkg-config too. Defines
#   psac_hdf5, psac_random123, PkgConfig::FYAML   what code that includes their headers links
#   PSAC_HDF5_VERSION
include(CheckSymbolExists)

# psac_require(FOUND NAME DEBIAN SPACK CONDA): unless FOUND, ends the configuration with the packages that provide NAME.
function(psac_require found name debian spack conda)
  if(NOT found)
    message(FATAL_ERROR "${name} was not found. Debian: ${debian}; Spack: ${spack}; conda-forge: ${conda}. "
                        "Installed elsewhere, without root: -DCMAKE_PREFIX_PATH=PREFIX")
  endif()
endfunction()

find_package(PkgConfig)
psac_require("${PKG_CONFIG_FOUND}" pkg-config pkg-config pkgconf pkg-config)
find_package(MPI COMPONENTS C)
psac_require("${MPI_C_FOUND}" "MPI for C" "libopenmpi-dev or libmpich-dev" "openmpi or mpich" "openmpi or mpich")
find_package(ZLIB)
psac_require("${ZLIB_FOUND}" zlib zlib1g-dev zlib zlib)

pkg_check_modules(FYAML IMPORTED_TARGET libfyaml)
psac_require("${FYAML_FOUND}" libfyaml libfyaml-dev libfyaml libfyaml)

# Headers only. rng.h of base includes them, so they reach every target that links psac_base.
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h)
psac_require("${RANDOM123_INCLUDE_DIR}" Random123 librandom123-dev random123
             "none; copy its folder Random123 to PREFIX/include")
add_library(psac_random123 INTERFACE)
target_include_directories(psac_random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE_DIR})

# Debian has a parallel HDF5 for each MPI, with pkg-config files; elsewhere HDF5 is found by its CMake package or h5pcc.
# An HDF5 that the user names, by HDF5_ROOT or under a prefix, takes precedence.
find_path(PSAC_HDF5_PREFIX hdf5.h HINTS ${HDF5_ROOT} ENV HDF5_ROOT PATH_SUFFIXES include
          NO_SYSTEM_ENVIRONMENT_PATH NO_CMAKE_SYSTEM_PATH)
mark_as_advanced(PSAC_HDF5_PREFIX)
if(NOT PSAC_HDF5_PREFIX AND NOT HDF5_DIR)
  set(CMAKE_REQUIRED_LIBRARIES MPI::MPI_C)
  check_symbol_exists(MPICH_VERSION mpi.h PSAC_MPI_IS_MPICH)
  set(psac_debian_hdf5 hdf5-openmpi)
  if(PSAC_MPI_IS_MPICH)
    set(psac_debian_hdf5 hdf5-mpich)
  endif()
  pkg_check_modules(DEBIAN_HDF5 QUIET IMPORTED_TARGET ${psac_debian_hdf5})
endif()
if(DEBIAN_HDF5_FOUND)
  set(psac_hdf5_library PkgConfig::DEBIAN_HDF5)
  set(PSAC_HDF5_VERSION ${DEBIAN_HDF5_VERSION})
else()
  set(HDF5_PREFER_PARALLEL ON)
  find_package(HDF5 COMPONENTS C)
  set(psac_hdf5_library HDF5::HDF5)
  set(PSAC_HDF5_VERSION ${HDF5_VERSION})
endif()
# Asked of the library itself, as the variable that says so has another name in HDF5 2 (HDF5_PROVIDES_PARALLEL).
if(TARGET ${psac_hdf5_library})
  set(CMAKE_REQUIRED_LIBRARIES ${psac_hdf5_library} MPI::MPI_C)
  unset(PSAC_HDF5_IS_PARALLEL CACHE)
  check_symbol_exists(H5Pset_fapl_mpio hdf5.h PSAC_HDF5_IS_PARALLEL)
endif()
unset(CMAKE_REQUIRED_LIBRARIES)
psac_require("${PSAC_HDF5_IS_PARALLEL}" "A parallel HDF5 for this MPI" "libhdf5-openmpi-dev or libhdf5-mpich-dev"
             hdf5+mpi "hdf5=*=mpi_openmpi_* or mpi_mpich_*")
if(PSAC_HDF5_VERSION VERSION_LESS 1.10)
  message(FATAL_ERROR "HDF5 is ${PSAC_HDF5_VERSION}; 1.10 or later is needed")
endif()
add_library(psac_hdf5 INTERFACE)
target_link_libraries(psac_hdf5 INTERFACE ${psac_hdf5_library})
target_compile_definitions(psac_hdf5 INTERFACE H5_USE_110_API)  # later versions provide the 1.10 API under this macro
