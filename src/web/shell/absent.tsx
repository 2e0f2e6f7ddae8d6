/** In place of what is not there, or not for whoever looks: what was looked for, and where to go on. */
import { Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Page } from './parts.tsx'

export function Absent(o: { readonly title: string; readonly children: string; readonly way?: ReactNode }) {
  return (
    <Page title={o.title}>
      <Text>{o.children}</Text>
      {o.way === undefined ? null : <div>{o.way}</div>}
    </Page>
  )
}
