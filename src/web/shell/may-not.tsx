/** Why somebody finds nothing to press here, and whom to ask. */
import { Group, Text } from '@mantine/core'
import { LockIcon } from '@primer/octicons-react'

export function MayNot({ children }: { readonly children: string }) {
  return (
    <Group gap={8} wrap="nowrap" c="dimmed">
      <LockIcon size={14} aria-hidden="true" />
      <Text size="sm">{children}</Text>
    </Group>
  )
}
