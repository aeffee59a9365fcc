#include "objects.h"

#include <cstdlib>
#include <cstring>

namespace standin::cublaslt {
namespace {

template <class T>
class Objects {
 public:
  int create(void** handle, T made) { return known_.create(handle, made) ? kSuccess : refuse(kInvalidValue, "nowhere to put the handle"); }
  T* find(void* handle) { return known_.find(handle); }
  int destroy(void* handle) { return known_.destroy(handle) ? kSuccess : refuse(kInvalidValue, "what is destroyed is not there"); }

 private:
  library::Known<T> known_;
};

Objects<Handle> handles;
Objects<Desc> descs;
Objects<Layout> layouts;
Objects<Preference> preferences;

/// Where an attribute lies, and how many bytes it has.
struct Place {
  void* at;
  size_t bytes;
};

int set(const Place& place, const char* object, int attribute, const void* value, size_t bytes) {
  const std::string what = std::string(object) + " attribute " + std::to_string(attribute);
  if (place.at == nullptr) return refuse(kInvalidValue, what + " is not known");
  if (value == nullptr || bytes != place.bytes)
    return refuse(kInvalidValue, what + " has " + std::to_string(place.bytes) + " bytes, got " + std::to_string(bytes));
  std::memcpy(place.at, value, bytes);
  return kSuccess;
}

template <class T>
Place placeOf(T& field) {
  return {&field, sizeof field};
}

Place descPlace(Desc& desc, int attribute) {
  switch (attribute) {
    case 3: return placeOf(desc.transA);
    case 4: return placeOf(desc.transB);
    case 7: return placeOf(desc.epilogue);
    case 8: return placeOf(desc.bias);
    default: return {nullptr, 0};
  }
}

Place layoutPlace(Layout& layout, int attribute) {
  switch (attribute) {
    case 5: return placeOf(layout.batch);
    case 6: return placeOf(layout.offset);
    default: return {nullptr, 0};
  }
}

Place preferencePlace(Preference& preference, int attribute) {
  switch (attribute) {
    case 1: return placeOf(preference.workspaceBytes);
    case 3: return placeOf(preference.schemes);
    case 5:
    case 6:
    case 7:
    case 8: return placeOf(preference.alignment[attribute - 5]);
    default: return {nullptr, 0};
  }
}

}  // namespace

Handle* handleOf(void* handle) { return handles.find(handle); }
Desc* descOf(void* handle) { return descs.find(handle); }
Layout* layoutOf(void* handle) { return layouts.find(handle); }
Preference* preferenceOf(void* handle) { return preferences.find(handle); }

#define ENTER(name)                                   \
  if (const int asked = library::enter(name)) return asked

LIBRARY_API size_t cublasLtGetVersion() {
  const char* given = std::getenv("TORCHLET_STANDIN_CUBLASLT_VERSION");
  return given == nullptr ? 120804 : std::strtoull(given, nullptr, 10);
}

LIBRARY_API int cublasLtCreate(void** handle) {
  ENTER("cublasLtCreate");
  if (!library::hasContext()) return refuse(kNotInitialized, "no context is current");
  return handles.create(handle, {});
}

LIBRARY_API int cublasLtDestroy(void* handle) {
  ENTER("cublasLtDestroy");
  return handles.destroy(handle);
}

LIBRARY_API int cublasLtMatmulDescCreate(void** desc, int computeType, int scaleType) {
  ENTER("cublasLtMatmulDescCreate");
  return descs.create(desc, {computeType, scaleType});
}

LIBRARY_API int cublasLtMatmulDescDestroy(void* desc) {
  ENTER("cublasLtMatmulDescDestroy");
  return descs.destroy(desc);
}

LIBRARY_API int cublasLtMatmulDescSetAttribute(void* handle, int attribute, const void* value, size_t bytes) {
  ENTER("cublasLtMatmulDescSetAttribute");
  Desc* desc = descOf(handle);
  if (desc == nullptr) return refuse(kInvalidValue, "the description is not there");
  return set(descPlace(*desc, attribute), "description", attribute, value, bytes);
}

LIBRARY_API int cublasLtMatrixLayoutCreate(void** layout, int type, u64 rows, u64 columns, i64 leading) {
  ENTER("cublasLtMatrixLayoutCreate");
  return layouts.create(layout, {static_cast<u32>(type), rows, columns, leading});
}

LIBRARY_API int cublasLtMatrixLayoutDestroy(void* layout) {
  ENTER("cublasLtMatrixLayoutDestroy");
  return layouts.destroy(layout);
}

LIBRARY_API int cublasLtMatrixLayoutSetAttribute(void* handle, int attribute, const void* value, size_t bytes) {
  ENTER("cublasLtMatrixLayoutSetAttribute");
  Layout* layout = layoutOf(handle);
  if (layout == nullptr) return refuse(kInvalidValue, "the layout is not there");
  return set(layoutPlace(*layout, attribute), "layout", attribute, value, bytes);
}

LIBRARY_API int cublasLtMatmulPreferenceCreate(void** preference) {
  ENTER("cublasLtMatmulPreferenceCreate");
  return preferences.create(preference, {});
}

LIBRARY_API int cublasLtMatmulPreferenceDestroy(void* preference) {
  ENTER("cublasLtMatmulPreferenceDestroy");
  return preferences.destroy(preference);
}

LIBRARY_API int cublasLtMatmulPreferenceSetAttribute(void* handle, int attribute, const void* value, size_t bytes) {
  ENTER("cublasLtMatmulPreferenceSetAttribute");
  Preference* preference = preferenceOf(handle);
  if (preference == nullptr) return refuse(kInvalidValue, "the preference is not there");
  return set(preferencePlace(*preference, attribute), "preference", attribute, value, bytes);
}

}  // namespace standin::cublaslt
