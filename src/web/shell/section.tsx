/** A part of a page: what it is, one line on what it is for, and what can be done with it. */
import { Card, Group, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

export function Section(o: {
  readonly title: ReactNode
  readonly lead?: ReactNode
  readonly action?: ReactNode
  readonly children?: ReactNode
}) {
  return (
    <Card withBorder component="section">
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start">
          <div>
            <Title order={2} size="h5">
              {o.title}
            </Title>
            {o.lead === undefined ? null : (
              <Text size="sm" c="dimmed">
                {o.lead}
              </Text>
            )}
          </div>
          {o.action}
        </Group>
        {o.children}
      </Stack>
    </Card>
  )
}
