// Where a definition's trees come from: an archive, an archive by way of mmdebstrap, a tar or a
// folder; and the archive that the kernel comes from.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/progress.h"
#include "base/result.h"
#include "image/build/build.h"
#include "image/source/apt.h"
#include "image/source/source.h"

namespace inro::image {

// One a build. Archives are opened when first needed and used by all trees.
class PackageOrigin {
 public:
  PackageOrigin(const Definition& definition, const BuildOptions& options)
      : definition_(definition), options_(options) {}

  // The unpacked source for a tree whose PID 1 is `init`.
  Result<SourceTree> SourceFor(std::string_view init, Progress& progress);

  // The unpacked kernel package, without what it depends on for its maintainer scripts.
  Result<SourceTree> KernelPackage(Progress& progress);

  // "apt bookworm from http://...", for the manifest.
  std::string Describe() const;
  // Whether maintainer scripts were run by the source.
  bool ScriptsRan() const { return definition_.source.kind != SourceKind::kApt; }

 private:
  AptOptions OptionsFor(const std::string& suite) const;
  // Opens the archive of a suite; libapt-pkg serves one at a time, so another one is closed first.
  Result<AptArchive*> Archive(const std::string& suite, Progress& progress);
  // Adds file and line of the definition to an error about a suite or a package.
  std::unexpected<Error> Located(const Error& error) const;

  const Definition& definition_;
  const BuildOptions& options_;
  std::optional<AptArchive> archive_;
  std::string open_suite_;
};

}  // namespace inro::image
