#!/bin/sh
# Says by the callback of a delivery whether an image may be used: no platform may have a vulnerability of these severities that is not
# allowed, by the report that is attached to it. Needs curl and jq.
#   scan-gate.sh CALLBACK_URL REPOSITORY DIGEST
# KAGAMI_URL (https://registry.example), KAGAMI_USER, KAGAMI_TOKEN. GATE_SEVERITIES (CRITICAL HIGH), GATE_ALLOW (CVE-… CVE-…).
set -eu
callback=$1 repository=$2 digest=$3
: "${KAGAMI_URL:?}" "${KAGAMI_USER:?}" "${KAGAMI_TOKEN:?}"
severities=${GATE_SEVERITIES:-CRITICAL HIGH}

kagami() {
  printf 'user = "%s:%s"\n' "$KAGAMI_USER" "$KAGAMI_TOKEN" |
    curl --silent --show-error --fail --config - --header 'accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json' "$KAGAMI_URL/v2/$repository/$1"
}
answer() { # state, description
  jq --null-input --compact-output --arg state "$1" --arg description "$2" \
    '{state: $state, description: $description[:255], context: "scan gate"}' |
    curl --silent --show-error --fail --header 'content-type: application/json' --data-binary @- "$callback" >&2
  echo "$1: $2"
}
reports() { # the findings of all reports that are attached to a manifest, one JSON list each
  referrers=$(kagami "referrers/$1")
  found=$(echo "$referrers" | jq -r '.manifests[] | select(.annotations["in-toto.io/predicate-type"] // "" | startswith("https://in-toto.io/attestation/vulns/")) | .digest')
  for digest in $found; do
    manifest=$(kagami "manifests/$digest")
    statement=$(kagami "blobs/$(echo "$manifest" | jq -r '.layers[0].digest')")
    echo "$statement" | jq --compact-output '[.predicate.scanner.result[] | {id, severity: [.severity[].score]}]'
  done
}
trap '[ $? = 0 ] || answer error "the gate did not get through: see its log"' EXIT

bad=''
# What cannot be read ends the gate, here and above: the right side of a pipe alone would let it through.
manifest=$(kagami "manifests/$digest")
platforms=$(echo "$manifest" | jq -r --arg own "$digest" '[.manifests // [] | .[] | select(.platform.os != "unknown") | .digest] | if . == [] then $own else .[] end')
for one in $platforms; do
  found=$(reports "$one")
  if [ -z "$found" ]; then
    answer failure "no vulnerability report is attached to $one"
    exit 0
  fi
  bad="$bad $(echo "$found" | jq --raw-output --slurp --arg severities "$severities" --arg allowed "${GATE_ALLOW:-}" '
    ($severities | split(" ")) as $wanted | ($allowed | split(" ")) as $known
    | [.[][] | select(any(.severity[]; IN($wanted[]))) | .id | select(IN($known[]) | not)] | unique | .[]')"
done
bad=$(echo "$bad" | tr -s ' \n' '\n\n' | sed '/^$/d' | sort -u | tr '\n' ' ')
if [ -n "$bad" ]; then answer failure "vulnerable: $bad"; else answer success "no $severities in $repository@$digest"; fi
