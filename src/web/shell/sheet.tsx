/** A page with one matter alone, in the middle of the window: signing in, joining, letting something in. */
import { Center, Paper, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { Mark } from './mark.tsx'

export function Sheet(o: { readonly title: string; readonly lead?: ReactNode; readonly children: ReactNode }) {
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder p="xl" w="100%" maw={420} radius="md">
        <Stack>
          <Mark size={36} />
          <div>
            <Title order={1} size="h3">
              {o.title}
            </Title>
            {o.lead === undefined ? null : (
              <Text c="dimmed" size="sm">
                {o.lead}
              </Text>
            )}
          </div>
          {o.children}
        </Stack>
      </Paper>
    </Center>
  )
}
