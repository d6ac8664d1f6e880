# The CUDA backend's tool chain. Sets PSAC_HAS_CUDA and PSAC_HAS_NCCL, and defines
#   psac_cuda   what code that calls the CUDA runtime links
#   psac_nccl   what code that calls NCCL links
# PSAC_CUDA: ON wants the toolkit, AUTO takes it where it is, OFF leaves no trace of it, EMULATED compiles the same
# sources for the host.
# PSAC_NCCL: ON wants NCCL beside it, AUTO takes it where it is, OFF lets GPUs exchange spikes through MPI.
set(PSAC_CUDA AUTO CACHE STRING "CUDA backend: ON, OFF, AUTO or EMULATED (on the host, for tests)")
set_property(CACHE PSAC_CUDA PROPERTY STRINGS AUTO ON OFF EMULATED)
set(PSAC_NCCL AUTO CACHE STRING "NCCL beside PSAC_CUDA=ON: ON, OFF or AUTO")
set_property(CACHE PSAC_NCCL PROPERTY STRINGS AUTO ON OFF)
set(PSAC_HAS_CUDA OFF)
set(PSAC_HAS_NCCL OFF)

if(PSAC_CUDA STREQUAL "EMULATED")
  enable_language(CXX)
  set(CMAKE_CXX_STANDARD 17)
  set(CMAKE_CXX_STANDARD_REQUIRED ON)
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_CXX_FLAGS_RELEASE "-O3")
  set(PSAC_HAS_CUDA ON)
  set(PSAC_HAS_NCCL ON)
  add_library(psac_cuda INTERFACE)
  add_library(psac_nccl INTERFACE)
  target_compile_definitions(psac_cuda INTERFACE PSAC_EMULATED)
  target_link_libraries(psac_cuda INTERFACE psac_emu)
  target_link_libraries(psac_nccl INTERFACE psac_emu)
  return()
endif()

if(NOT PSAC_CUDA)
  return()
endif()
# Where the toolkit installs itself, which is often not in PATH. Named in the environment, so that AUTO's trial below
# sees it too, and the host compiler with it; what an earlier trial did not find is looked for anew.
find_program(PSAC_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
if(PSAC_NVCC AND NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  set(ENV{CUDACXX} ${PSAC_NVCC})
endif()
if(CMAKE_CUDA_HOST_COMPILER)
  set(ENV{CUDAHOSTCXX} ${CMAKE_CUDA_HOST_COMPILER})
endif()
if(NOT CMAKE_CUDA_COMPILER)
  unset(CMAKE_CUDA_COMPILER CACHE)
endif()
if(PSAC_CUDA STREQUAL "AUTO")
  include(CheckLanguage)
  check_language(CUDA)
  find_package(CUDAToolkit 11.8 QUIET)
  if(NOT CMAKE_CUDA_COMPILER OR NOT CUDAToolkit_FOUND)
    message(STATUS
            "Without CUDA: no nvcc that works with this compiler, or no CUDA toolkit from 11.8 on; "
            "-DPSAC_CUDA=ON says more")
    return()
  endif()
endif()

# Machine code for every generation since Turing that the toolkit supports, and PTX of the lowest of each family for the
# members without machine code: 8.7 from 8.0, 10.3 and 11.0 from 10.0, 12.1 and later ones from 12.0.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES OFF)  # decided below, when the toolkit's version is known
  enable_language(CUDA)
  set(psac_architectures 75 80 86-real 89-real 90)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.8)
    list(APPEND psac_architectures 100 120)
  endif()
  unset(CMAKE_CUDA_ARCHITECTURES)  # or OFF would hide what follows, until the next time CMake runs
  set(CMAKE_CUDA_ARCHITECTURES ${psac_architectures} CACHE STRING "GPU generations to compile for" FORCE)
else()
  enable_language(CUDA)
endif()
find_package(CUDAToolkit 11.8 REQUIRED)
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
set(CMAKE_CUDA_FLAGS_RELEASE "-O3")
set(PSAC_HAS_CUDA ON)
add_library(psac_cuda INTERFACE)
target_link_libraries(psac_cuda INTERFACE CUDA::cudart)
# The program finds its own toolkit's runtime. CMake leaves this folder out, since nvcc links from it unasked; the
# loader may not know it.
target_link_options(psac_cuda INTERFACE "LINKER:-rpath,${CUDAToolkit_LIBRARY_DIR}")

if(NOT PSAC_NCCL)
  message(STATUS "Without NCCL, as PSAC_NCCL is off: GPUs exchange spikes through MPI")
  return()
endif()
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV NCCL_HOME PATH_SUFFIXES include)
find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} ${CUDAToolkit_TARGET_DIR} ${CUDAToolkit_ROOT}
             ENV NCCL_HOME
             PATH_SUFFIXES lib lib64)
if(NCCL_INCLUDE_DIR AND NCCL_LIBRARY)
  set(PSAC_HAS_NCCL ON)
  add_library(psac_nccl INTERFACE)
  target_include_directories(psac_nccl SYSTEM INTERFACE ${NCCL_INCLUDE_DIR})
  target_link_libraries(psac_nccl INTERFACE ${NCCL_LIBRARY} psac_cuda)
else()
  set(psac_without_nccl "no nccl.h or no libnccl was found (Debian: libnccl-dev; or set NCCL_HOME)")
  if(NOT PSAC_NCCL STREQUAL "AUTO")
    message(FATAL_ERROR "PSAC_NCCL is ${PSAC_NCCL}, but ${psac_without_nccl}")
  endif()
  message(STATUS "Without NCCL: ${psac_without_nccl}: GPUs exchange spikes through MPI")
endif()
