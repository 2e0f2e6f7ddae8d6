/** A secret that was just made, and that nothing shows again. */
import { Alert, Stack, Text } from '@mantine/core'
import { KeyIcon } from '@primer/octicons-react'
import type { ReactNode } from 'react'
import { Command } from './parts.tsx'

export function Once(o: {
  readonly title: string
  readonly lead: string
  readonly secret: string
  readonly children?: ReactNode
}) {
  return (
    <Alert color="teal" variant="light" title={o.title} icon={<KeyIcon />}>
      <Stack gap="xs">
        <Text size="sm">{o.lead}</Text>
        <Command line={o.secret} />
        {o.children}
      </Stack>
    </Alert>
  )
}
