"""A process's bytes become log messages, and no directory of this machine stays in them."""

import json

from localstage.functions.environment_log import MESSAGE_LIMIT, Masks, OutputLines


def test_lines_come_out_whole_when_fed_in_pieces():
    """A line that arrives in pieces is one message."""
    lines = OutputLines()
    assert lines.feed(b"he") == []
    assert lines.feed(b"llo\nwor") == ["hello\n"]
    assert lines.feed(b"ld\n\n") == ["world\n", "\n"]


def test_characters_stay_whole_when_cut_by_a_piece():
    """A piece may end in the middle of a UTF-8 character."""
    lines = OutputLines()
    first, second = "é\n".encode()[:1], "é\n".encode()[1:]
    assert lines.feed(first) + lines.feed(second) == ["é\n"]


def test_bytes_that_are_no_utf8_are_replaced():
    """Binary output is shown, not lost."""
    assert OutputLines().feed(b"\xff\n") == ["\ufffd\n"]


def test_flush_gives_the_unfinished_line_once():
    """What is left without a newline becomes a message of its own."""
    lines = OutputLines()
    lines.feed(b"no newline")
    assert lines.flush() == ["no newline\n"]
    assert lines.flush() == []


def test_newline_after_a_flush_makes_no_empty_message():
    """The newline that belongs to a flushed line is not a line again."""
    lines = OutputLines()
    lines.feed(b"text")
    lines.flush()
    assert lines.feed(b"\nmore\n") == ["more\n"]


def test_record_of_a_logger_is_one_message_although_it_has_lines():
    """A line end marked by the bootstrap does not cut the message."""
    messages = OutputLines().feed(b"[ERROR]\tx\0\nTraceback\0\n  File\nnext\n")
    assert messages == ["[ERROR]\tx\nTraceback\n  File\n", "next\n"]


def test_record_stays_one_message_when_cut_by_a_piece():
    """A record that arrives in pieces is one message."""
    lines = OutputLines()
    messages = lines.feed(b"one\0") + lines.feed(b"\ntwo\0\nth") + lines.feed(b"ree\n")
    assert messages == ["one\ntwo\nthree\n"]


def test_long_line_is_cut_at_the_limit_of_an_event():
    """A line over the size of a log event becomes several messages, nothing lost."""
    messages = OutputLines().feed(b"x" * (MESSAGE_LIMIT + 5) + b"\n")
    assert [len(message) for message in messages] == [MESSAGE_LIMIT + 1, 6]


def test_endless_line_is_given_out_before_it_fills_the_memory():
    """A line that never ends is given out once it is longer than an event."""
    assert OutputLines().feed(b"x" * (MESSAGE_LIMIT + 1)) != []


def test_mask_shows_lambdas_directories():
    """The longest directory wins, and a name that only begins alike stays."""
    masks = Masks({"/home/ann/w": "/opt", "/home/ann/w/task": "/var/task"})
    assert masks.text('File "/home/ann/w/task/app.py"') == 'File "/var/task/app.py"'
    assert masks.text("/home/ann/w/other /home/ann/w/task2") == "/opt/other /opt/task2"
    assert masks.text("/home/ann/work") == "/home/ann/work"


def test_mask_works_inside_json():
    """A directory with an accent is found in JSON as well, escaped or not."""
    masks = Masks({"/home/josé/task": "/var/task"})
    for ascii_only in (True, False):
        masked = masks.text(json.dumps(["/home/josé/task/app.py"], ensure_ascii=ascii_only))
        assert json.loads(masked) == ["/var/task/app.py"]


def test_mask_turns_windows_paths_into_lambdas():
    """The rest of a Windows path gets slashes, in text and in JSON."""
    masks = Masks({r"C:\work\task": "/var/task"})
    assert masks.text(r'File "C:\work\task\lib\app.py", line 1') == 'File "/var/task/lib/app.py", line 1'
    assert json.loads(masks.text(json.dumps(r"C:\work\task\app.py"))) == "/var/task/app.py"
