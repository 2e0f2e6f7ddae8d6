/** A few facts side by side, each under what it is. */
import { SimpleGrid, type SimpleGridProps, Text } from '@mantine/core'
import type { ReactNode } from 'react'

export function Facts(o: {
  readonly facts: readonly (readonly [label: string, value: ReactNode])[]
  readonly cols?: SimpleGridProps['cols']
}) {
  return (
    <SimpleGrid cols={o.cols ?? { base: 2, sm: 3, lg: 5 }} component="dl" m={0}>
      {o.facts.map(([label, value]) => (
        <div key={label}>
          <Text size="xs" c="dimmed" component="dt">
            {label}
          </Text>
          <Text size="sm" component="dd" m={0}>
            {value}
          </Text>
        </div>
      ))}
    </SimpleGrid>
  )
}
