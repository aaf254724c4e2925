// Packages into one tree.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "image/source/package_cache.h"
#include "image/source/source.h"

namespace inro::image {

// Where a path of a package lies with merged /usr: "bin/sh" -> "usr/bin/sh"; "" for the top-level
// folders or links themselves ("bin", "lib64"), which the tree makes as links.
std::string MergedPath(std::string_view path);

// Lays one package's entries over the tree as dpkg would: a directory that is there keeps its
// owner and mode, a link to a directory stays a link, other entries replace. `name` is the origin.
Result<> LayPackage(Tree& tree, std::vector<ArchiveEntry> entries, const std::string& name);

// Unpacks all packages out of the cache: decompression in parallel, then laid over one another in
// a fixed order (base-files first, then by name), so the tree depends on the packages only.
// kNotFound when one is not in the cache or its cached file was corrupt (it is removed then).
Result<SourceTree> UnpackPackages(const PackageCache& cache, std::vector<Package> packages,
                                  Progress& progress);

}  // namespace inro::image
