own-module = Своя программа
module-file = Модуль
module-file-help = Файл .wasm или .wat. Перетащите его сюда или выберите.
gallery = Примеры
no-examples = На этом головном узле нет примеров.
choose = Выбрать
earlier = Запустить ещё раз
job-name = Как назвать задание
needs-no-input = Файл не нужен: части получаются из параметров.
parameters = Параметры
run = Запустить
check = Сначала проверить
kind = Вид
kind-job = задание для bramble
kind-command = программа командной строки (WASI)
its-phases = Что умеет
imports = Что ей нужно от узла
imports-fine = ничего запрещённого
file-is-here = Ваш файл уже здесь.
input-file = Файл для обработки
use-sample = Взять маленький образец
use-same-input = Взять тот же вход, что и раньше
input-from = Или результат другого задания
input-from-help = Его номер. Это задание подождёт его.
drawn = Если оставить пустым, выбирается случайно.
more-options = Другие настройки
at-most-nodes = Не больше скольких узлов
nodes-here = { $count ->
    [one] Сейчас здесь { $count } узел.
    [few] Сейчас здесь { $count } узла.
   *[many] Сейчас здесь { $count } узлов.
}
memory-mib = Память задачи, МиБ
memory-help = Если пусто: сколько подходит самому маленькому узлу.
seconds-of-task = Процессорное время задачи, секунды
seconds-help = Если пусто: минута.
chunk-kib = Размер части, КиБ
chunk-help = Если пусто: сколько подходит входу.
arguments = Аргументы
arguments-help = По одному в строке.
faults-found = { $count ->
    [one] Нужно исправить { $count } поле:
    [few] Нужно исправить { $count } поля:
   *[many] Нужно исправить { $count } полей:
}
fault-number = Здесь должно быть целое число больше 0 или ничего.
fault-missing = Это нужно указать.
fault-no-input = Выберите файл или укажите, с чем ещё работать.
prefer-energy = Тратить мало энергии, даже если выйдет дольше
verify = Результат должен быть одинаковым до байта на любых процессорах
no-cache = Сделать всё заново, даже уже сделанное
check-fine = Можно запускать
check-chunks = { $count ->
    [one] { $count } часть, всего { $bytes }
    [few] { $count } части, всего { $bytes }
   *[many] { $count } частей, всего { $bytes }
}
check-nodes = { $count ->
    [one] Работать над ним может { $count } узел
    [few] Работать над ним могут { $count } узла
   *[many] Работать над ним могут { $count } узлов
}
check-about = Около { $length }, если как в прошлые разы
check-unknown = Сколько это займёт, станет известно после первого раза.
check-limits = Каждой задаче можно { $memory } памяти и { $length } процессорного времени.
more-examples = Ещё примеры
