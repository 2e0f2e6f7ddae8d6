/** *Mirror to repository* until there is one; then *View in repository*, with every mirror of the source, and mirroring it again. */
import { Button, Group, Menu, Stack, Text } from '@mantine/core'
import { TriangleDownIcon } from '@primer/octicons-react'
import { useNavigate } from '@tanstack/react-router'
import { useManagesMirrors } from '../api/use-manages-mirrors.ts'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { useSpeech } from '../text/language.tsx'

export function MirrorButton(o: {
  readonly mirrors: readonly string[]
  readonly organization: string
  readonly onMirror: () => void
}) {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const [first] = o.mirrors
  const mayStart = useManagesMirrors(o.organization)
  const view = (name: string) => void navigate({ to: '/o/$organization/repository/$', params: repositoryPlace(name) })
  const mayNot =
    mayStart === false ? (
      <Text size="xs" c="dimmed" maw={320} ta="right">
        {text.entry.mayNot(o.organization)}
      </Text>
    ) : null
  if (first === undefined) {
    return (
      <Stack gap={4} align="flex-end">
        <Button onClick={o.onMirror}>{text.entry.mirror}</Button>
        {mayNot}
      </Stack>
    )
  }
  return (
    <Group gap={1} wrap="nowrap">
      <Button onClick={() => view(first)}>{text.entry.view}</Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button px="xs" aria-label={text.entry.choose}>
            <TriangleDownIcon />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {o.mirrors.map((name) => (
            <Menu.Item key={name} onClick={() => view(name)}>
              {name}
            </Menu.Item>
          ))}
          <Menu.Divider role="separator" />
          <Menu.Item onClick={o.onMirror}>{text.entry.mirror}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}
