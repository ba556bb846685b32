job-waits = Ждёт своей очереди.
job-runs = Выполнено задач: { $done } из { $count }
job-left = , осталось около { $length }
job-done = { $tasks }, { $nodes }, за { $length }
job-failed = Ошибка через { $length } после отправки
job-canceled = Остановлено через { $length } после отправки
what-was-asked = Что было заказано
module = Модуль
input = Вход
memory-per-task = Память задачи
time-per-task = Процессорное время задачи
argument = Аргумент
failed-at = { $phase } { $index }: ошибка на { $node } ({ $attempts ->
    [one] { $attempts } попытка
    [few] { $attempts } попытки
   *[many] { $attempts } попыток
})
bundle = Всё, чтобы повторить эту задачу на другом компьютере (tar)
saved = { $count ->
    [one] { $count } задача была выполнена раньше
    [few] { $count } задачи были выполнены раньше
   *[many] { $count } задач были выполнены раньше
}: сбережено { $length } процессорного времени
why-waits = Почему ждёт, по узлам
retry = Повторить неудавшееся
retry-secrets = В задании есть секреты, они только у вас. Повторите его из терминала:
figures = В числах
estimated = оценка
processor-time = Процессорное время
result = Результат
memory-peak = Наибольшая память задачи
tried-again = Повторных попыток
phase = Этап
phase-ranges = Выбор диапазонов ключей
phase-map = Часть
phase-merge = Слияние
phase-reduce = Свёртка
who-did-it = Кто это сделал
nobody-yet = Пока никто.
tasks-done = Выполнено задач
at-work = В работе
log = Журнал
no-log = Ничего не записано.
log-last = Последние попытки, которые что-то записали: { $count } из { $all }; все:
nobody = Никому не пришлось: всё уже известно.
job-was-done = { $count ->
    [one] Задач выполнено раньше: { $count }
   *[other] Задач выполнено раньше: { $count }
}
