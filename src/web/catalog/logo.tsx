/** The logo of an entry: a picture that somebody else has drawn, or the first letter of its name. */
import { useState } from 'react'
import type { CatalogEntry } from '../../api/catalog.ts'
import { logoAddress } from '../api/catalog.ts'

export function Logo(o: {
  readonly organization: string
  readonly entry: Pick<CatalogEntry, 'upstream' | 'repository' | 'title' | 'logo'>
  readonly size: number
}) {
  const [isBroken, setIsBroken] = useState(false)
  const address = logoAddress(o.organization, o.entry)
  const { size } = o
  const letter = (o.entry.title ?? o.entry.repository.split('/').at(-1) ?? '').slice(0, 1).toUpperCase()
  return (
    <span className="logo" style={{ width: size, height: size, fontSize: size * 0.45 }} aria-hidden="true">
      {address === undefined || isBroken ? (
        letter
      ) : (
        <img src={address} alt="" loading="lazy" decoding="async" onError={() => setIsBroken(true)} />
      )}
    </span>
  )
}
