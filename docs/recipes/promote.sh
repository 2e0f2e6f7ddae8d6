#!/bin/sh
# Pulls what a tag was moved to by its digest, and pushes it on under the same tag, with everything that is attached to it: signatures,
# attestations, and the signatures of these. Needs skopeo, curl and jq.
#   promote.sh REPOSITORY TAG DIGEST        e.g. acme/dhi-python 3.13 sha256:…
# KAGAMI_HOST (registry.example:5000), KAGAMI_USER, KAGAMI_TOKEN: where from. TARGET (prod.example/team), TARGET_USER, TARGET_TOKEN: where to.
# PLAIN_HTTP=1 where both speak http only.
set -eu
repository=$1 tag=$2 digest=$3
: "${KAGAMI_HOST:?}" "${KAGAMI_USER:?}" "${KAGAMI_TOKEN:?}" "${TARGET:?}" "${TARGET_USER:?}" "${TARGET_TOKEN:?}"
[ "${PLAIN_HTTP:-}" = 1 ] && scheme=http tls=false || scheme=https tls=true
from=$KAGAMI_HOST/$repository
to=$TARGET/${repository#*/}

kagami() {
  printf 'user = "%s:%s"\n' "$KAGAMI_USER" "$KAGAMI_TOKEN" |
    curl --silent --show-error --fail --config - --header 'accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json' "$scheme://$KAGAMI_HOST/v2/$repository/$1"
}
copy() { # everything, and nothing changed on the way
  skopeo copy --quiet --all --preserve-digests --src-tls-verify=$tls --dest-tls-verify=$tls \
    --src-creds "$KAGAMI_USER:$KAGAMI_TOKEN" --dest-creds "$TARGET_USER:$TARGET_TOKEN" "docker://$from@$1" "docker://$to$2"
}
attachments() { # of one manifest, and of these in turn
  # Asked for first: in a pipe, a failure would be an image without attachments.
  found=$(kagami "referrers/$1")
  for one in $(echo "$found" | jq -r '.manifests[].digest'); do
    copy "$one" "@$one"
    attachments "$one"
  done
}

# By the digest that was told: the tag may point elsewhere by now. It moves over there once all that belongs to it is there.
copy "$digest" "@$digest"
manifest=$(kagami "manifests/$digest")
for one in "$digest" $(echo "$manifest" | jq -r '.manifests // [] | .[].digest'); do
  attachments "$one"
done
copy "$digest" ":$tag"
echo "promoted $from@$digest to $to:$tag"
