// The smallest thing that can be tagged: an index of nothing.
import { authorization, type Login } from './whole-server.ts'

/** @param note makes it another one than without @returns its digest */
export async function emptyIndexPushed(
  url: string,
  repository: string,
  tag: string,
  login: Login | string,
  note?: string,
): Promise<string> {
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const annotations = note === undefined ? {} : { annotations: { note } }
  const answer = await fetch(`${url}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { authorization: authorization(login), 'content-type': mediaType },
    body: JSON.stringify({ schemaVersion: 2, mediaType, manifests: [], ...annotations }),
  })
  if (answer.status !== 201) throw new Error(`pushing ${repository}:${tag}: ${answer.status} ${await answer.text()}`)
  return answer.headers.get('docker-content-digest') ?? ''
}
