// Loading of kernel modules that came with this guest's own kernel and image.
//
// The kernel verifies the signature appended to a module (a SHA-256 of the whole file and an RSA
// operation) even where it would load an unsigned module as well; without KVM that is a fifth of a
// boot. What is loaded here lies in the same artifact as PID 1 and was put there with it, so the
// signature says nothing new: the module is given to the kernel without it. A kernel that insists
// (module.sig_enforce, lockdown) refuses that and gets the file as it is, and verifies.
// docs/decisions/0004-modules-load-without-their-signature.md.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace inro::sys {

// The length of a module's image in `file` without the marker that announces an appended signature;
// the whole length where there is none.
std::size_t UnsignedModuleLength(std::span<const char> file);

// Loads the module in the file at `path` (not compressed), without parameters. Gives 0 or an errno:
// ENOENT where there is no such file, EEXIST where the kernel has it already.
int LoadKernelModule(const std::string& path);

}  // namespace inro::sys
