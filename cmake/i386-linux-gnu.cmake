# SPDX-License-Identifier: MIT
#
# Cross builds for i386 with Debian's compiler (packages gcc-i686-linux-gnu, libc6-dev-i386-cross).
# tests/i386/run.sh unpacks the libraries and configures a build.

set(VMBIND_I386_ROOT "" CACHE PATH
	"Directory of unpacked i386 packages; empty: the system's own libraries")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES VMBIND_I386_ROOT)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CMAKE_C_COMPILER i686-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE i386-linux-gnu)

set(CMAKE_FIND_ROOT_PATH ${VMBIND_I386_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
# The headers of Vulkan and SPIR-V are the same on all architectures.
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)
