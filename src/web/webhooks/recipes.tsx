/** Receivers to begin with, as they stand in `docs/recipes`, whose tests run them. They come with the page only once they are asked for. */
import { Button, Code, CopyButton, Group, Stack, Tabs, Text } from '@mantine/core'
import hooks from '../../../docs/recipes/hooks.json' with { type: 'text' }
import promote from '../../../docs/recipes/promote.sh' with { type: 'text' }
import receiver from '../../../docs/recipes/receiver.mjs' with { type: 'text' }
import scanGate from '../../../docs/recipes/scan-gate.sh' with { type: 'text' }
import { Command } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

const RECIPES = [
  { key: 'promote', file: 'promote.sh', script: promote },
  { key: 'scanGate', file: 'scan-gate.sh', script: scanGate },
  { key: 'receiver', file: 'receiver.mjs', script: receiver },
  { key: 'hooks', file: 'hooks.json', script: String(hooks) },
] as const

export function Recipes({ place }: { readonly place: string }) {
  const { text } = useSpeech()
  const { recipe } = text.webhooks
  return (
    <Tabs defaultValue={RECIPES[0].key} keepMounted={false}>
      <Tabs.List mb="sm">
        {[...RECIPES.map(({ key }) => key), 'chat' as const].map((key) => (
          <Tabs.Tab key={key} value={key}>
            {recipe[key].title}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {RECIPES.map(({ key, file, script }) => (
        <Tabs.Panel key={key} value={key}>
          <Stack gap="xs">
            <Text size="sm">{recipe[key].lead}</Text>
            <Group justify="space-between">
              <Code>{file}</Code>
              <CopyButton value={script}>
                {({ copied, copy }) => (
                  <Button size="compact-sm" variant="default" onClick={copy}>
                    {copied ? text.common.copied : recipe.copy(file)}
                  </Button>
                )}
              </CopyButton>
            </Group>
            <div className="written">
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled by keyboard too. */}
              <pre className="code" tabIndex={0}>
                {script}
              </pre>
            </div>
          </Stack>
        </Tabs.Panel>
      ))}
      <Tabs.Panel value="chat">
        <Stack gap="xs">
          <Text size="sm">{recipe.chat.lead}</Text>
          <Command
            line={`kagami webhook listen ${place} --format slack --forward https://hooks.slack.com/services/…`}
          />
        </Stack>
      </Tabs.Panel>
    </Tabs>
  )
}
