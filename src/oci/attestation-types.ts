/** How attestations name themselves in manifests, as the tools that make them do. */

/** `statement`: an in-toto Statement. `envelope`: one in a DSSE envelope, alone or in a Sigstore bundle. `bare`: the document itself. */
export type DocumentForm = 'statement' | 'envelope' | 'bare'

/** What annotations of a manifest or a layer say of the predicate. */
export function predicateTypeOf(annotations: Readonly<Record<string, string>> | undefined): string | undefined {
  return (
    annotations?.['in-toto.io/predicate-type'] ??
    annotations?.['dev.sigstore.bundle.predicateType'] ??
    annotations?.predicateType
  )
}

/** How a layer of this type holds a statement; undefined: it does not. */
export function formOf(mediaType: string): DocumentForm | undefined {
  if (mediaType.startsWith('application/vnd.in-toto')) return mediaType.includes('dsse') ? 'envelope' : 'statement'
  if (mediaType.startsWith('application/vnd.dsse.envelope')) return 'envelope'
  if (mediaType.startsWith('application/vnd.dev.sigstore.bundle')) return 'envelope'
  return undefined
}
