// From a definition to artifacts: the whole way, step by step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "image/definition/definition.h"

namespace inro::sys {
class Interrupt;
}

namespace inro::image {

// One guest to make: a form with an init.
struct Variant {
  Form form = Form::kImage;
  std::string init;  // "systemd", "inro" or a path in the guest

  bool operator==(const Variant&) const = default;
};

struct BuildOptions {
  std::string out_dir = ".";      // made when absent
  std::string cache_dir;          // empty: DefaultCacheDir()
  std::string guest_dir;          // has inro-guest and inro-floor; see FindGuestDir
  std::vector<Variant> variants;  // empty: both forms, each with its init of the definition
  bool strict = false;            // what would be a note about the guest's content is an error
  bool refresh = false;           // fetch package lists even when those at hand are young
  sys::Interrupt* interrupt = nullptr;  // removes half-made files on Ctrl-C; may be nullptr
};

struct BuiltArtifact {
  Form form = Form::kImage;
  std::string init;
  std::string path;  // of NAME.img or NAME.initrd
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string tree_digest;
};

struct BuiltExtension {
  std::string name;
  std::string path;  // of the image
  std::uint64_t bytes = 0;
  std::string parameter;  // the kernel parameter
};

struct BuildResult {
  std::string name;
  std::vector<BuiltArtifact> artifacts;  // in the order of the variants
  std::vector<BuiltExtension> extensions;
  std::string kernel;              // path of NAME.kernel
  std::string manifest;            // path of NAME.manifest.json
  std::vector<std::string> notes;  // what the user should know; also given to the progress
};

// Builds all variants. A tree is made per init and carried by every form that has that init.
//
// Artifacts depend on the definition, the packages and this program, and on nothing else: no clock,
// no path, no umask. They appear by rename when all of them are complete; after an error, or Ctrl-C
// where `interrupt` is given, out_dir is as it was. Needs no privileges. Errors about the
// definition (a package that does not exist, a unit that is not in the tree) carry its file and
// line and are kBadInput.
Result<BuildResult> Build(const Definition& definition, const BuildOptions& options,
                          Progress& progress);

// The variants that the definition itself names: image, then initrd.
std::vector<Variant> DefinedVariants(const Definition& definition);

// The file name of a variant's artifact: NAME.img, NAME.initrd, or with an init that is not the
// definition's own, NAME-INIT.img, NAME-INIT.initrd.
std::string ArtifactName(const Definition& definition, const Variant& variant);

}  // namespace inro::image
