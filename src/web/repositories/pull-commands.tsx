/** How to pull a repository, for each tool that people have. */
import { Select, Stack, Tabs, Text } from '@mantine/core'
import { useState } from 'react'
import type { RepositoryDetail } from '../../api/repositories.ts'
import type { Tag } from '../../api/tags.ts'
import { useProfile } from '../api/profile.ts'
import { Command } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { isChart, pullLines, type Tool, toolsFor } from './pull-lines.ts'

export function PullCommands({
  repository,
  tags = [],
}: {
  readonly repository: RepositoryDetail
  /** The newest first. */
  readonly tags: readonly Tag[] | undefined
}) {
  const { text } = useSpeech()
  const profile = useProfile()
  const [chosen, setChosen] = useState<string>()
  const tag = tags.find(({ name }) => name === chosen) ?? tags[0]
  const tools = toolsFor(tag !== undefined && isChart(tag))
  const [wanted, setTool] = useState<Tool>()
  const tool = wanted !== undefined && tools.includes(wanted) ? wanted : (tools[0] ?? 'docker')
  const lines = pullLines(tool, {
    host: location.host,
    repository: repository.name,
    tag: tag?.name,
    username: profile.data?.username ?? 'USER',
    isPlain: location.protocol === 'http:',
  })
  return (
    <Section
      title={text.repositories.pull}
      lead={repository.visibility === 'public' ? text.overview.pullPublic : text.overview.pullPrivate}
      action={
        tags.length < 2 ? null : (
          <Select
            aria-label={text.overview.tag}
            size="xs"
            w={200}
            data={tags.map(({ name }) => name)}
            value={tag?.name ?? null}
            onChange={(name) => setChosen(name ?? undefined)}
            allowDeselect={false}
          />
        )
      }
    >
      <Tabs value={tool} onChange={(one) => setTool(one as Tool)} variant="pills" keepMounted={false}>
        <Tabs.List mb="xs" aria-label={text.repositories.pull}>
          {tools.map((one) => (
            <Tabs.Tab key={one} value={one} size="xs">
              {one === 'kubernetes' ? text.overview.kubernetes : one}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tool}>
          <Stack gap="xs">
            {lines.pull.map((line) => (
              <Command key={line} line={line} />
            ))}
            {repository.visibility === 'public' && tool !== 'kubernetes' ? null : (
              <>
                <Text size="sm" c="dimmed">
                  {tool === 'kubernetes' ? text.overview.pullSecret : text.overview.signIn}
                </Text>
                {lines.signIn.map((line) => (
                  <Command key={line} line={line} />
                ))}
              </>
            )}
          </Stack>
        </Tabs.Panel>
      </Tabs>
    </Section>
  )
}
