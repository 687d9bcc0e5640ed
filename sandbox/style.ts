/** The page in Slack's light and dark colours; narrow enough for a phone. */
export const style = `
:root { --back: #fff; --text: #1d1c1d; --soft: #616061; --line: #ddd; --faint: #f8f8fa; --code: #c01343; --panel: #f6f6f6; --button: #fff; --link: #1264a3; --mention: #e8f5fa; color-scheme: light }
[data-theme=dark] { --back: #1a1d21; --text: #d1d2d3; --soft: #9a9b9d; --line: #44474b; --faint: #222529; --code: #e8912d; --panel: #222529; --button: #1a1d21; --link: #1d9bd1; --mention: #1d3a4a; color-scheme: dark }
body { font: 15px/1.46 Lato, "Noto Sans", "DejaVu Sans", sans-serif; color: var(--text); background: var(--back); margin: 0 }
a { color: var(--link) }
h1 { font-size: 18px; margin: 0; padding: 12px 20px; border-bottom: 1px solid var(--line) }
h1 small { font-weight: normal; color: var(--soft); margin-left: 12px }
nav { font-size: 13px; padding: 6px 20px; border-bottom: 1px solid var(--line) }
nav a { margin-right: 14px }
nav span { color: var(--soft); float: right }
nav span a { margin: 0 }
nav .unread { font-weight: bold }
.none { color: var(--soft); padding: 12px 20px }
.mention { background: var(--mention); color: var(--link); border-radius: 3px; padding: 0 2px; font-weight: normal }
.composer { padding: 12px 20px }
.composer input { box-sizing: border-box; width: 100%; font: 15px Lato, sans-serif; padding: 10px 12px; border: 1px solid var(--soft); border-radius: 8px; background: var(--button); color: var(--text) }
article { display: flex; gap: 10px; padding: 8px 20px }
article.only { background: var(--faint) }
article.reply { margin-left: 46px; border-left: 2px solid var(--line) }
article > section { flex: 1; min-width: 0; overflow-wrap: anywhere }
h2 { font-size: 15px; margin: 0 }
h2 em { font: 10px sans-serif; background: var(--line); color: var(--soft); border-radius: 2px; padding: 1px 3px; vertical-align: 1px }
h2 small { font-weight: normal; font-size: 12px; color: var(--soft) }
h3 { font-size: 18px; margin: 10px 0 4px }
p, div { margin: 2px 0 }
hr { border: 0; border-top: 1px solid var(--line); margin: 10px 0 }
ul { margin: 2px 0; padding-left: 20px }
.small { font-size: 12px; color: var(--soft) }
.face { width: 36px; height: 36px; border-radius: 6px; background: #3d7ea6; color: #fff; font: bold 18px/36px sans-serif; text-align: center; flex: none }
.face.vcdemo { background: #4a154b }
code { font: 12px "DejaVu Sans Mono", monospace; color: var(--code); background: var(--panel); border: 1px solid var(--line); border-radius: 3px; padding: 1px 3px }
pre { font: 12px/1.4 "DejaVu Sans Mono", monospace; background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 8px; margin: 4px 0; white-space: pre-wrap }
q { display: block; border-left: 4px solid var(--line); padding-left: 10px; quotes: none }
.file { display: inline-block; border: 1px solid var(--line); border-radius: 8px; padding: 8px 14px }
.section { display: flex; gap: 12px; align-items: flex-start; justify-content: space-between }
.section > div:first-child { flex: 1; min-width: 0 }
.fields { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 4px 16px; margin-top: 4px }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0 4px }
button, .button { font: bold 13px sans-serif; padding: 6px 12px; border: 1px solid var(--soft); border-radius: 6px; background: var(--button); color: var(--text); text-decoration: none; cursor: pointer }
button.primary, .button.primary { background: #007a5a; border-color: #007a5a; color: #fff }
button.danger { background: transparent; border-color: #e01e5a; color: #e01e5a }
.menu { position: relative }
.menu summary { list-style: none; font: bold 13px sans-serif; padding: 6px 12px; border: 1px solid var(--soft); border-radius: 6px; cursor: pointer }
.menu ul { position: absolute; right: 0; z-index: 1; list-style: none; margin: 2px 0; padding: 6px; background: var(--back); border: 1px solid var(--line); border-radius: 6px; min-width: 150px }
.menu li button { border: 0; background: none; font-weight: normal; width: 100%; text-align: left }
.plan, .card, figure { border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; margin: 6px 0; max-width: 640px }
.plan ol { list-style: none; margin: 4px 0 0; padding: 0 }
.plan li { display: flex; gap: 8px; padding: 2px 0 }
.plan li > i { font-style: normal; width: 16px; text-align: center; flex: none }
.plan .pending { color: var(--soft) }
.plan .complete > i { color: #2eb67d }
.plan .in_progress > i { color: #e8a33d }
.plan .error > i { color: #e01e5a }
.alert { border-radius: 6px; padding: 8px 12px; background: var(--panel); border-left: 4px solid var(--soft) }
.alert.warning { border-color: #e8a33d } .alert.error { border-color: #e01e5a } .alert.success { border-color: #2eb67d }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: 13px; margin: 4px 0 }
caption { text-align: left; color: var(--soft); font-size: 12px; padding: 2px 0 }
td, th { border: 1px solid var(--line); padding: 4px 10px; text-align: left; overflow-wrap: normal }
th { background: var(--panel) }
figure svg { width: 100%; max-width: 560px; display: block }
figure line { stroke: var(--line) } figure text { font: 10px sans-serif; fill: var(--soft) }
figcaption { font-weight: bold; margin-bottom: 4px }
.legend { font-size: 12px; color: var(--soft); display: flex; flex-wrap: wrap; gap: 4px 14px }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px }
.pie { width: 140px; height: 140px; border-radius: 50% }
.home { padding: 12px 20px; max-width: 820px }
#modal.over:not(:empty) { position: fixed; inset: 0; overflow: auto; background: #0006; z-index: 2 }
.modal { background: var(--back); max-width: 520px; margin: 24px auto; border: 1px solid var(--line); border-radius: 12px; box-shadow: 0 8px 28px #0003; overflow: hidden }
.modal > h2 { font-size: 20px; padding: 16px 20px; border-bottom: 1px solid var(--line) }
.modal > div { padding: 12px 20px }
.modal > footer { display: flex; justify-content: flex-end; gap: 8px; padding: 14px 20px; border-top: 1px solid var(--line) }
.input { display: block; font-weight: bold; margin: 10px 0 }
.input .optional { color: var(--soft); font-weight: normal }
.input small { display: block; font-weight: normal; color: var(--soft) }
.input > input:not([type]), .input > select { display: block; box-sizing: border-box; width: 100%; font: 15px sans-serif; padding: 8px 10px; margin: 4px 0; border: 1px solid var(--soft); border-radius: 6px; background: var(--button); color: var(--text) }
.input .choice { display: block; font-weight: normal }
.wrong { color: #e01e5a; font-weight: normal; font-size: 13px }
@media (max-width: 480px) {
  article, .home, h1 { padding-left: 12px; padding-right: 12px }
  article.reply { margin-left: 20px }
  .section { flex-direction: column }
  .modal { margin: 0; border: 0; border-radius: 0 }
}`;
