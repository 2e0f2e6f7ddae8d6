// The smallest thing that can be tagged: an index of nothing.
import { authorization, type Login } from './whole-server.ts'

export async function emptyIndexPushed(url: string, repository: string, tag: string, login: Login): Promise<void> {
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const answer = await fetch(`${url}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { authorization: authorization(login), 'content-type': mediaType },
    body: JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] }),
  })
  if (answer.status !== 201) throw new Error(`pushing ${repository}:${tag}: ${answer.status} ${await answer.text()}`)
}
