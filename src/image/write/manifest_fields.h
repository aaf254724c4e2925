// The keys of the manifest, once: the writer and the reader both walk these functions. A visitor
// has Required(key, value), Optional(key, value) (left out when it has its default), Mode(key,
// value) for permissions in octal, and List(key, values) for arrays of objects.
#pragma once

#include <type_traits>

#include "image/write/manifest.h"

namespace inro::image {

template <class Visitor>
void VisitFields(Visitor& visitor, auto& value)
  requires std::is_same_v<std::remove_cvref_t<decltype(value)>, BootRecipe>
{
  visitor.Required("attach", value.attach);
  visitor.Optional("root", value.root);
  visitor.Optional("root_type", value.root_type);
  visitor.Required("cmdline", value.cmdline);
  visitor.Required("kata", value.kata);
}

template <class Visitor>
void VisitFields(Visitor& visitor, auto& value)
  requires std::is_same_v<std::remove_cvref_t<decltype(value)>, ManifestArtifact>
{
  visitor.Required("form", value.form);
  visitor.Required("path", value.path);
  visitor.Required("format", value.format);
  visitor.Optional("compression", value.compression);
  visitor.Optional("init", value.init);
  visitor.Required("size", value.size);
  visitor.Required("sha256", value.sha256);
  visitor.Object("boot", value.boot);
}

template <class Visitor>
void VisitFields(Visitor& visitor, auto& value)
  requires std::is_same_v<std::remove_cvref_t<decltype(value)>, ManifestPackage>
{
  visitor.Required("name", value.name);
  visitor.Required("version", value.version);
  visitor.Required("architecture", value.architecture);
  visitor.Optional("sha256", value.sha256);
}

template <class Visitor>
void VisitFields(Visitor& visitor, auto& value)
  requires std::is_same_v<std::remove_cvref_t<decltype(value)>, ManifestFile>
{
  visitor.Required("path", value.path);
  visitor.Required("type", value.type);
  visitor.Mode("mode", value.mode);
  visitor.Required("uid", value.uid);
  visitor.Required("gid", value.gid);
  visitor.Optional("size", value.size);
  visitor.Optional("sha256", value.sha256);
  visitor.Optional("target", value.target);
  visitor.Optional("major", value.major);
  visitor.Optional("minor", value.minor);
  visitor.Optional("origin", value.origin);
}

// Lists come last, so that a reader sees first what the build is.
template <class Visitor>
void VisitFields(Visitor& visitor, auto& value)
  requires std::is_same_v<std::remove_cvref_t<decltype(value)>, ManifestTree>
{
  visitor.Required("init", value.init);
  visitor.Required("digest", value.digest);
  visitor.Required("scripts_not_run", value.scripts_not_run);
  visitor.Required("directives_not_enforced", value.directives_not_enforced);
  visitor.List("packages", value.packages);
  visitor.List("files", value.files);
}

template <class Visitor>
void VisitFields(Visitor& visitor, auto& value)
  requires std::is_same_v<std::remove_cvref_t<decltype(value)>, Manifest>
{
  visitor.Required("name", value.name);
  visitor.Required("inro_version", value.inro_version);
  visitor.Required("source", value.source);
  visitor.Optional("kernel_release", value.kernel_release);
  visitor.List("artifacts", value.artifacts);
  visitor.List("trees", value.trees);
}

}  // namespace inro::image
