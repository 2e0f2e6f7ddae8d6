import type { Text } from '../en/index.ts'

export const selection: Text['selection'] = {
  tags: 'タグ (グロブ)',
  tagsRegex: 'タグ (正規表現)',
  semver: 'バージョン',
  newest: '各パターンの新しいもの',
  newerThan: 'これより新しいもの',
  platforms: 'プラットフォーム',
  referrers: 'アテステーション',
  help: {
    tags: '1 行に 1 つ。3.* は含め、!*-dev は除きます。',
    tagsRegex: 'タグ全体に対する RE2 の正規表現。1 行に 1 つ。',
    semver: '>=3.11 <4 のような範囲。',
    newest: 'バージョンの高い順に、この数だけ。',
    newerThan: '90d のような経過時間、または日付。',
    platforms: 'linux/amd64 のように、1 行に 1 つ。',
    referrers: '成果物または predicate の種類を 1 行に 1 つ。none と書くと、どれもコピーしません。',
  },
  title: (name) => `${name} の対象`,
  lead: '空欄は制限なしです。対象から外れたタグは、そのまま残ります。',
  preview: 'プレビュー',
  previewTitle: '次回の同期で行われること',
  summary: (o) =>
    `追加または更新されるタグ ${o.arrive} 件、変わらないタグ ${o.stay} 件、対象外でも残すタグ ${o.kept} 件、コピーしないタグ ${o.out} 件。コピーするデータ ${o.size}。`,
  changed: '保存しました。ミラーがすべてを確認し直します。',
}
